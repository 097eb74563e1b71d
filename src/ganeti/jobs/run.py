# SPDX-License-Identifier: BSD-2-Clause
"""Running one job: it waits for the jobs it depends on, for the filters, for its locks, then carries out its steps.

The job is durably marked as running before an operation changes anything.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET

from ganeti import errors
from ganeti.errors import (
    Canceled,
    ExecutionFailed,
    GanetiError,
    UnknownEntity,
    WrongState,
    in_words,
)
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.hooks import Hooks
from ganeti.jobs.locks import Request, WithdrawnError
from ganeti.jobs.lockset import LockSet
from ganeti.jobs.operation import JobOperation
from ganeti.jobs.queue import Tracked, record_of
from ganeti.jobs.recovery import cleaned_up
from ganeti.model.entity import evolve
from ganeti.model.job import Job, JobStatus, Residue, Step
from ganeti.rpc.call import Progress
from ganeti.rpc.contract.store import Record

if TYPE_CHECKING:
    from ganeti.jobs.executor import Executor

_log = logging.getLogger(__name__)

_BY_REQUEST = "Job canceled by request"


class Run:
    """One job at work."""

    def __init__(self, executor: Executor, tracked: Tracked) -> None:
        self.task: asyncio.Task[None] | None = None
        self._executor = executor
        self._queue = executor.queue
        self._services = executor.services
        self._tracked = tracked
        self._waiting: Request | None = None
        self._cancelable = True
        self._canceled = ""  # why
        self._stopping = False
        # See Entrant.
        self.asks = False
        self.inside = self.begun
        self._entry: asyncio.Future[None] | None = None

    @property
    def id(self) -> int:
        return self.job.id

    @property
    def job(self) -> Job:
        return self._tracked.job

    @property
    def begun(self) -> bool:
        return self.job.steps[0].status not in (JobStatus.QUEUED, JobStatus.WAITING)

    def start(self, work: Any) -> None:
        self.task = asyncio.create_task(work, name=f"job {self.id}")

    def cancel(self) -> bool:
        """Cancel the job if no step runs, or one that may be canceled; whether it will be."""
        return self._cancel(_BY_REQUEST)

    def _cancel(self, why: str) -> bool:
        if not self._cancelable or self.task is None:
            return False
        self._canceled = why
        self.task.cancel()
        return True

    def stop_after_step(self) -> bool:
        """Start no further step; whether there would have been one."""
        self._stopping = self.job.steps[-1].status is JobStatus.QUEUED
        return self._stopping

    def change_priority(self, priority: int) -> None:
        self._queue.show(self._tracked, evolve(self.job, priority=priority))
        if self._waiting:
            self._executor.locks.change_priority(self._waiting, priority)

    # Called by admission: see Entrant.

    def let_in(self) -> None:
        self.inside = True
        if self._entry and not self._entry.done():
            self._entry.set_result(None)

    def hold_back(self, why: str) -> None:
        self.inside = False
        if self._waiting:
            self._executor.locks.withdraw(self._waiting)
        told = f"Held by {why}"
        if not self._tracked.log or self._tracked.log[-1].text != told:
            self.log(told)

    def refuse(self, why: str) -> None:
        self._cancel(f"Job rejected by {why}")

    # Called by the running operation: see JobRecord.

    def log(self, text: str, kind: str = "message") -> None:
        self._queue.add_log(self._tracked, kind, text)

    def progress(self, progress: Progress | None) -> None:
        self._queue.set_progress(self._tracked, progress)

    async def keep_residue(self, residue: tuple[Residue, ...]) -> None:
        await self._queue.write(self._tracked, evolve(self.job, residue=residue))

    def record_with(self, residue: tuple[Residue, ...]) -> Record:
        return record_of(evolve(self.job, residue=residue))

    def has_kept(self, residue: tuple[Residue, ...]) -> None:
        self._queue.show(self._tracked, evolve(self.job, residue=residue))

    async def submit(self, jobs: Sequence[Sequence[JobOperation[Any]]]) -> list[int]:
        """On behalf of the caller who submitted this job."""
        return await self._executor.submit(jobs, self.job.caller)

    @property
    def _interrupted(self) -> bool:
        """Whether the daemon is stopping: then an operation's error is not its own, and the next daemon continues."""
        return self.task is not None and self.task.cancelling() > 0 and not self._canceled

    # Stages of a job.

    async def work(self) -> None:
        """Carry out the steps that are not done yet, one after the other."""
        index = 0
        try:
            for index, step in enumerate(self.job.steps):
                if step.status is not JobStatus.SUCCESS:
                    if self._stopping:
                        await self._end(index, JobStatus.CANCELED, _BY_REQUEST)
                        break
                    await self._step(index, step)
        except asyncio.CancelledError:
            if not self._canceled:
                raise  # the daemon stops
            await self._end(index, JobStatus.CANCELED, self._canceled)
        except Exception as error:
            if self._interrupted:
                raise asyncio.CancelledError from error
            if not isinstance(error, GanetiError):
                _log.exception("Job %d failed unexpectedly", self.id)
            await self._end(index, JobStatus.ERROR, errors.encode(error))
        finally:
            self._executor.finished(self.id)

    async def clean_up(self) -> None:
        """Clean up after the step that was running when the last master daemon stopped, and end the job."""
        job = self.job
        index = next(index for index, step in enumerate(job.steps) if step.status is JobStatus.RUNNING)
        lost = await cleaned_up(RunContext(self._services, self, job.residue), self._held(job.steps[index]))
        await self._end(index, JobStatus.ERROR, errors.encode(lost))
        self._executor.finished(self.id)

    async def _step(self, index: int, step: Step) -> None:
        self._cancelable = True
        await self._dependencies()
        async with self._held(step, index) as operation:
            self._cancelable = operation.cancelable
            self._update(index, status=JobStatus.RUNNING, executed=self._services.clock.now())
            result = await self._carried_out(operation)
            self._cancelable = False
        await self._succeeded(index, result)

    async def _carried_out(self, operation: JobOperation[Any]) -> Any:
        plan = await operation.checked(CheckContext(self._services, self))
        if operation.dry_run:
            for line in operation.preview(self._services.configuration.state, plan).lines():
                self.log(line)
            return None
        # From here on things change: that this job runs must survive a crash.
        await self._queue.write(self._tracked, self.job)
        context = RunContext(self._services, self)
        hooks = Hooks(operation, plan, context)
        await hooks.before()
        try:
            result = await operation.run(context, plan)
        except Exception as error:
            if self._interrupted:
                raise
            left = await context.undo_all()
            if not left:
                raise
            kind = type(error) if isinstance(error, GanetiError) else ExecutionFailed
            raise kind(f"{in_words(error)}. This could not be undone: {'; '.join(left)}") from error
        await hooks.after()
        return result

    @asynccontextmanager
    async def _held(self, step: Step, begins: int | None = None) -> AsyncIterator[JobOperation[Any]]:
        """A step's operation, with all its locks. ``begins``: the index of a step that is about to start."""
        operation = self._executor.parse_step(step)
        async with self._executor.room_for(self.job.caller):
            request = await (self._locked(operation) if begins is None else self._entered(begins, operation))
            try:
                yield operation
            finally:
                self._executor.locks.release(request)

    async def _entered(self, index: int, operation: JobOperation[Any]) -> Request:
        """Hold all the operation's locks once the filters have admitted the job."""
        while True:
            await self._let_in()
            self._update(index, status=JobStatus.WAITING, started=self._services.clock.now())
            with suppress(WithdrawnError):
                request = await self._locked(operation)
                if self.inside:
                    return request
                self._executor.locks.release(request)
            self._update(index, status=JobStatus.QUEUED, started=None)

    async def _let_in(self) -> None:
        """Wait until a job that has not started may start."""
        if self.inside or self._executor.admission.unconcerned(self.job):
            self.inside = True
            return
        self._entry = asyncio.get_running_loop().create_future()
        try:
            await self._executor.admission.ask(self)
            await self._entry
        finally:
            self.asks = False

    async def _locked(self, operation: JobOperation[Any]) -> Request:
        """Hold all the operation's locks, and verify that they are still the right ones."""
        while True:
            wanted = operation.locks(self._services.configuration.state)
            request = await self._acquire(wanted)
            right = False
            try:
                right = operation.locks(self._services.configuration.state) <= wanted
            finally:
                if not right:
                    self._executor.locks.release(request)
            if right:
                return request

    async def _acquire(self, wanted: LockSet) -> Request:
        priority = self.job.priority
        self._waiting = self._executor.locks.request(f"job/{self.id}", wanted, priority)
        try:
            await self._waiting.granted
        except BaseException:
            self._executor.locks.release(self._waiting)
            raise
        return self._waiting

    async def _dependencies(self) -> None:
        for number, allowed in self.job.depends:
            other = self._queue.find(number)
            if other is None:
                raise UnknownEntity(f"Job {number}, which this job depends on, does not exist")
            while not other.job.status.final:
                await other.changed()
            if allowed and other.job.status not in allowed:
                raise WrongState(
                    f"Job {number}, which this job depends on, ended as '{other.job.status}', "
                    f"not as {' or '.join(allowed)}"
                )

    def _update(self, index: int, **changes: object) -> None:
        self._queue.show(self._tracked, self.job.with_step(index, **changes))

    async def _succeeded(self, index: int, result: Any) -> None:
        self._tracked.progress = None
        job = self.job.with_step(
            index,
            status=JobStatus.SUCCESS,
            result=msgspec.to_builtins(result),
            ended=self._services.clock.now(),
        )
        await self._queue.write_at_last(self._tracked, evolve(_redacted(job, index), residue=()))

    async def _end(self, index: int, status: JobStatus, result: Any) -> None:
        """End the job at a step; later steps get the same status without having started."""
        job, now = self.job, self._services.clock.now()
        for later in range(index, len(job.steps)):
            told = result if later == index or status is JobStatus.CANCELED else _not_reached(index)
            job = _redacted(job.with_step(later, status=status, result=told, ended=now), later)
        self._tracked.progress = None
        await self._queue.write_at_last(self._tracked, evolve(job, residue=()))


def _not_reached(index: int) -> list[Any]:
    return errors.encode(Canceled(f"Not started: step {index + 1} of the job failed"))


def _redacted(job: Job, index: int) -> Job:
    """The job without the secrets of a step that is over."""
    return job.with_step(index, input=job.steps[index].public, shown=UNSET)
