# SPDX-License-Identifier: BSD-2-Clause
"""A job: operations that the cluster carries out one after the other."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from ganeti.model.caller import ROOT, Caller
from ganeti.model.entity import evolve


class JobStatus(StrEnum):
    """As ``gnt-job list`` shows it."""

    QUEUED = "queued"
    WAITING = "waiting"
    CANCELING = "canceling"
    RUNNING = "running"
    CANCELED = "canceled"
    SUCCESS = "success"
    ERROR = "error"

    @property
    def final(self) -> bool:
        return self in (JobStatus.CANCELED, JobStatus.SUCCESS, JobStatus.ERROR)


class Step(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One operation of a job. ``input`` is the operation as it was submitted, with its ``OP_ID``.

    ``shown``: ``input`` without its secrets, if it has some; these are removed from ``input`` when the step has ended.
    """

    input: msgspec.Raw
    summary: str
    status: JobStatus = JobStatus.QUEUED
    result: Any = None
    started: float | None = None  # when it began to wait for locks
    executed: float | None = None  # when it got its locks
    ended: float | None = None
    shown: msgspec.Raw | UnsetType = UNSET

    @property
    def public(self) -> msgspec.Raw:
        """The operation as everybody may see it."""
        return self.input if isinstance(self.shown, UnsetType) else self.shown


class Residue(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that a running operation has created and undoes if it fails.

    Kept with the job so that it can be undone after a crash of the master: a node call, encoded. ``name`` and
    ``address`` are the node's, which the cluster may not know yet, or no longer know.
    """

    what: str
    node: str  # UUID
    call: msgspec.Raw
    name: str = ""
    address: str = ""


class Job(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``received`` and the times of the steps are seconds since the epoch. ``caller`` submitted it."""

    id: int
    steps: tuple[Step, ...]
    received: float
    priority: int = 0
    depends: tuple[tuple[int, tuple[str, ...]], ...] = ()
    residue: tuple[Residue, ...] = ()
    caller: Caller = ROOT

    @property
    def status(self) -> JobStatus:
        """The first step that has not succeeded decides."""
        for step in self.steps:
            if step.status is not JobStatus.SUCCESS:
                if step.status is JobStatus.QUEUED and step is not self.steps[0]:
                    return JobStatus.WAITING
                return step.status
        return JobStatus.SUCCESS

    @property
    def started(self) -> float | None:
        return self.steps[0].started

    @property
    def ended(self) -> float | None:
        return self.steps[-1].ended if self.status.final else None

    @property
    def summary(self) -> list[str]:
        return [step.summary for step in self.steps]

    def with_step(self, index: int, **changes: object) -> Job:
        """The same job with one of its steps changed."""
        steps = list(self.steps)
        steps[index] = evolve(steps[index], **changes)
        return evolve(self, steps=tuple(steps))


class LogEntry(Struct, frozen=True, array_like=True):
    """A line that a job wrote. ``serial`` counts within the job, from 1.

    ``kind``: ``message``, or what programs look for; ``text`` is JSON then.
    """

    serial: int
    time: float
    kind: str
    text: str
