# SPDX-License-Identifier: BSD-2-Clause
"""Cleaning up after a job that was running when the last master daemon stopped."""

from __future__ import annotations

import logging
from contextlib import AbstractAsyncContextManager
from typing import Any

from ganeti.errors import GanetiError, JobLost, UnknownEntity
from ganeti.jobs.context import RunContext
from ganeti.jobs.operation import JobOperation

_log = logging.getLogger(__name__)


async def cleaned_up(cluster: RunContext, held: AbstractAsyncContextManager[JobOperation[Any]]) -> JobLost:
    """Let an interrupted operation recover, then undo what is left; returns the error that ends its job.

    ``held``: a context manager that gives the operation and holds its locks.
    """
    begun = [residue.what for residue in cluster.residue]
    told = ["The master daemon stopped while this was running"]
    left: list[str] = []
    try:
        async with held as operation:
            try:
                await operation.recover(cluster)
            finally:
                left += await cluster.undo_all()
    except UnknownEntity as error:
        told.append(f"what it was about is gone ({error.message})")
    except GanetiError as error:
        told.append(f"cleaning up after it failed: {error.message}")
    except Exception as error:  # noqa: BLE001 - a job ends, whatever happens
        _log.exception("Job %d: cleaning up failed", cluster.job.id)
        told.append(f"cleaning up after it failed: {error}")
    left += await cluster.undo_all()  # what remains to be undone if the locks could not be had
    return JobLost("; ".join([*told, _outcome(begun, left)]))


def _outcome(begun: list[str], left: list[str]) -> str:
    if left:
        return f"left behind: {'; '.join(left)}"
    return f"cleaned up: {'; '.join(begun)}" if begun else "it may have been partly carried out"
