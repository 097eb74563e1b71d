# SPDX-License-Identifier: BSD-2-Clause
"""Waiting for jobs of the master daemon."""

from __future__ import annotations

import time
from collections.abc import Sequence

from ganeti.luxi.client import Client
from ganeti.luxi.protocol import Method
from ganeti.model.job import JobStatus

PAUSE = 0.5  # seconds between checks of long jobs
_FIRST_PAUSE = 0.02  # and after the first check; doubled each time


def wait(master: Client, numbers: Sequence[int]) -> dict[int, str]:
    """How each job has ended; an unknown one counts as failed."""
    pause = _FIRST_PAUSE
    while True:
        states = dict(zip(numbers, master.call(Method.QUERY_JOBS, list(numbers), ["status"]), strict=True))
        ends = {number: str(row[0]) if row else JobStatus.ERROR.value for number, row in states.items()}
        if all(JobStatus(end).final for end in ends.values()):
            return ends
        time.sleep(pause)
        pause = min(2 * pause, PAUSE)
