# SPDX-License-Identifier: BSD-2-Clause
"""Accepts jobs and runs them, each as a task (``ganeti.jobs.run``).

A job is durable before its number is given out. So after a crash, jobs that had not started are run, and those that had
end with an error that says what they left behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from typing import Any
from weakref import WeakValueDictionary

import msgspec
from msgspec import UNSET

from ganeti.declare.decode import decode
from ganeti.declare.role import Role
from ganeti.errors import (
    Canceled,
    GanetiError,
    TooMany,
    WrongInput,
    WrongState,
)
from ganeti.jobs.admission import Admission
from ganeti.jobs.context import RunContext, Services
from ganeti.jobs.operation import JobOperation
from ganeti.jobs.permission import ensure_may, ensure_may_change, ensure_role
from ganeti.jobs.queue import MOST_UNFINISHED, JobQueue, interrupted, unfinished
from ganeti.jobs.run import Run
from ganeti.model.caller import Caller
from ganeti.model.job import Job, JobStatus, Residue, Step
from ganeti.rpc.call import Progress
from ganeti.rpc.contract.store import Record

AT_WORK_OF_READER = 4

# Finds the class of an operation by its wire name; raises WrongInput.
Registry = Callable[[str], type[JobOperation[Any]]]


class Executor:
    """All jobs of a master daemon."""

    def __init__(self, queue: JobQueue, services: Services, registry: Registry) -> None:
        self.queue = queue
        self.locks = services.locks
        self.services = services
        self._registry = registry
        self._runs: dict[int, Run] = {}
        self.admission = Admission(lambda: services.configuration.state, services.turns, self._runs)
        self._readers: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def start(self) -> None:
        """Resume the jobs that the last master daemon left."""
        left = interrupted(self.queue)
        for tracked in unfinished(self.queue):
            self.queue.show(tracked, self._concealed(tracked.job))
            self._runs[tracked.job.id] = Run(self, tracked)
        await self.admission.review()  # before the first of them starts: those that were running count
        for tracked in unfinished(self.queue):
            run = self._runs[tracked.job.id]
            run.start(run.clean_up() if tracked in left else run.work())

    async def stop(self) -> None:
        """Stop working. The next master daemon treats running jobs as after a crash."""
        tasks = [run.task for run in self._runs.values() if run.task]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def parse(self, operations: Sequence[Any], caller: Caller) -> list[JobOperation[Any]]:
        """Encoded operations as values. Raises WrongInput, or AccessDenied for those that the caller may not do at all.

        Permissions are checked before parameters are decoded, which may take long.
        """
        if not operations:
            raise WrongInput("A job needs at least one operation")
        return [self.parse_one(operation, caller) for operation in operations]

    def parse_one(self, operation: Any, caller: Caller) -> JobOperation[Any]:
        cls = self._class_of(operation)
        ensure_role(caller, cls.role, cls.wire_name())
        return decode(operation, cls, cls.wire_name())

    def parse_step(self, step: Step) -> JobOperation[Any]:
        """Decode a step of a job, whose permissions were checked at submission. Raises WrongInput."""
        operation = msgspec.json.decode(step.input)
        cls = self._class_of(operation)
        return decode(operation, cls, cls.wire_name())

    def _class_of(self, operation: Any) -> type[JobOperation[Any]]:
        if not isinstance(operation, dict) or not isinstance(operation.get("OP_ID"), str):
            raise WrongInput("An operation is an object with an OP_ID")
        return self._registry(operation["OP_ID"])

    async def submit(self, jobs: Sequence[Sequence[JobOperation[Any]]], caller: Caller) -> list[int]:
        """Accept jobs, all or none; returns their numbers when they are durable.

        Negative dependencies count back from the job itself. Raises WrongInput for one on a job that does
        not exist, AccessDenied for what the caller may not do, TooMany, WrongState for what the filters reject,
        StoreFailed.
        """
        new = await self._made(jobs, caller)
        await self.admission.ensure_accepted(new)
        await self._take_in(new)
        return [job.id for job in new]

    async def submit_each(self, jobs: Sequence[Sequence[JobOperation[Any]]], caller: Caller) -> list[int | WrongState]:
        """Like ``submit``, but without the jobs that the filters reject, and those that depend on one of them.

        Returns for each job its number, or why it was rejected.
        """
        new = await self._made(jobs, caller)
        refused = await self.admission.refused(new)
        for job in new:
            if job.id not in refused and (lacking := [other for other, _ in job.depends if other in refused]):
                refused[job.id] = WrongState(f"It depends on job {lacking[0]}: {refused[lacking[0]].message}")
        await self._take_in([job for job in new if job.id not in refused])
        return [refused.get(job.id, job.id) for job in new]

    async def ensure_accepted(self, operation: JobOperation[Any], caller: Caller) -> None:
        """Raises WrongState if the filters would reject it now."""
        await self.admission.ensure_accepted([self._job(self.queue.last + 1, [operation], caller)])

    async def read(self, operation: JobOperation[Any], caller: Caller) -> Any:
        """Run a read-only operation without a job. Raises what it raises."""
        ensure_may(caller, operation)
        if not operation.reads_only:
            raise WrongInput(f"{operation.wire_name()} changes the cluster; submit it as a job")
        context = RunContext(self.services, _NoJob())
        return await operation.run(context, await operation.checked(context))

    def cancel(self, number: int, caller: Caller) -> tuple[bool, str]:
        """Cancel the steps of a job that have not started or only wait; whether there were any, and a message.

        Raises UnknownEntity, AccessDenied.
        """
        tracked = self.queue.get(number)
        ensure_may_change(caller, tracked.job)
        run = self._runs.get(number)
        if not tracked.job.status.final and run and run.cancel():
            return True, f"Job {number} canceled"
        if tracked.job.status is JobStatus.RUNNING and run and run.stop_after_step():
            return True, f"Job {number} will be canceled after the operation that is running now"
        return False, f"Job {number} is no longer waiting in the queue (status: {tracked.job.status})"

    def change_priority(self, number: int, priority: int, caller: Caller) -> tuple[bool, str]:
        """Change the priority of a waiting job; see ``cancel``."""
        tracked = self.queue.get(number)
        ensure_may_change(caller, tracked.job, priority)
        run = self._runs.get(number)
        if tracked.job.status.final or run is None:
            return False, f"Job {number} is finished"
        run.change_priority(priority)
        return True, f"Priorities of pending opcodes for job {number} have been changed to {priority}"

    async def _made(self, jobs: Sequence[Sequence[JobOperation[Any]]], caller: Caller) -> list[Job]:
        for operations in jobs:
            for operation in operations:
                ensure_may(caller, operation)
        if len(self._runs) + len(jobs) > MOST_UNFINISHED:
            raise TooMany(
                f"{len(self._runs)} jobs have not ended, and at most {MOST_UNFINISHED} may wait; try again later"
            )
        if Role.OPERATE not in caller.roles:
            await self.queue.make_room(caller.name)
        return [self._job(self.queue.take_number(), operations, caller) for operations in jobs]

    async def _take_in(self, new: Sequence[Job]) -> None:
        self._ensure_dependencies(new)
        await self.queue.add(new)
        for job in new:
            self._runs[job.id] = run = Run(self, self.queue.get(job.id))
            run.start(run.work())

    def _job(self, number: int, operations: Sequence[JobOperation[Any]], caller: Caller) -> Job:
        depends = tuple(
            (other if other > 0 else number + other, tuple(states))
            for operation in operations
            for other, states in operation.depends or ()
        )
        return Job(
            id=number,
            steps=tuple(_step_of(operation) for operation in operations),
            received=self.services.clock.now(),
            priority=min(operation.priority for operation in operations),
            depends=depends,
            caller=caller,
        )

    def _concealed(self, job: Job) -> Job:
        """Hides the secrets of a job that an earlier version of the software, which showed them, may have left."""
        for index, step in enumerate(job.steps):
            with suppress(GanetiError):
                job = job.with_step(index, shown=_step_of(self.parse_step(step)).shown)
        return job

    def _ensure_dependencies(self, jobs: Sequence[Job]) -> None:
        """A job may only depend on older ones, so that there are no cycles."""
        known: set[int] = set()
        for job in jobs:
            for other, _ in job.depends:
                if other not in known and self.queue.find(other) is None:
                    raise WrongInput(f"Parameter 'depends': there is no job {other} before this one")
            known.add(job.id)

    def room_for(self, caller: Caller) -> AbstractAsyncContextManager[None]:
        """A slot for a job to run: read-only users have a limited number, so that others' jobs don't wait."""
        if Role.OPERATE in caller.roles:
            return nullcontext()
        return self._readers.setdefault(caller.name, asyncio.Semaphore(AT_WORK_OF_READER))

    def finished(self, number: int) -> None:
        self._runs.pop(number, None)
        self.admission.forget(number)
        self.services.reservations.release(number)


class _NoJob:
    """Replaces the job of an operation that is run without one."""

    id = 0

    def log(self, text: str, kind: str = "message") -> None:
        pass

    def progress(self, progress: Progress | None) -> None:
        pass

    async def keep_residue(self, residue: tuple[Residue, ...]) -> None:
        del residue
        raise Canceled("An operation without a job cannot leave anything behind")

    def record_with(self, residue: tuple[Residue, ...]) -> Record:
        del residue
        raise Canceled("An operation without a job cannot leave anything behind")

    def has_kept(self, residue: tuple[Residue, ...]) -> None:
        pass

    async def submit(self, jobs: Sequence[Sequence[JobOperation[Any]]]) -> list[int]:
        del jobs
        raise Canceled("An operation without a job cannot submit jobs")


def _step_of(operation: JobOperation[Any]) -> Step:
    concealed = operation.concealed()
    return Step(
        input=msgspec.Raw(msgspec.json.encode(operation)),
        summary=operation.summary(),
        shown=UNSET if concealed is None else msgspec.Raw(msgspec.json.encode(concealed)),
    )
