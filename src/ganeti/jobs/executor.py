# SPDX-License-Identifier: BSD-2-Clause
"""Runs jobs: each is a task that waits for the jobs it depends on, for its locks, and then works.

A job is durable before its number is given out. That an operation runs is durable before it changes
anything. So after a crash the jobs that had not begun go on, and those that had end in an error that
says what they left.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress
from typing import Any
from weakref import WeakValueDictionary

import msgspec
from msgspec import UNSET

from ganeti import errors
from ganeti.declare.decode import decode
from ganeti.declare.role import Role
from ganeti.errors import (
    Canceled,
    ExecutionFailed,
    GanetiError,
    TooMany,
    UnknownEntity,
    WrongInput,
    WrongState,
    in_words,
)
from ganeti.jobs.admission import Admission
from ganeti.jobs.context import CheckContext, RunContext, Services
from ganeti.jobs.hooks import Hooks
from ganeti.jobs.locks import Request, WithdrawnError
from ganeti.jobs.lockset import LockSet
from ganeti.jobs.operation import JobOperation
from ganeti.jobs.permission import ensure_may, ensure_may_change, ensure_role
from ganeti.jobs.queue import MOST_UNFINISHED, JobQueue, Tracked, interrupted, record_of, unfinished
from ganeti.jobs.recovery import cleaned_up
from ganeti.model.caller import Caller
from ganeti.model.entity import evolve
from ganeti.model.job import Job, JobStatus, Residue, Step
from ganeti.rpc.call import Progress
from ganeti.rpc.contract.store import Record

_log = logging.getLogger(__name__)

AT_WORK_OF_READER = 4
_BY_REQUEST = "Job canceled by request"

# Finds the class of an operation by its wire name; raises WrongInput.
Registry = Callable[[str], type[JobOperation[Any]]]


class Executor:
    """All jobs of a master daemon."""

    def __init__(self, queue: JobQueue, services: Services, registry: Registry) -> None:
        self.queue = queue
        self.locks = services.locks
        self._services = services
        self._registry = registry
        self._runs: dict[int, _Run] = {}
        self.admission = Admission(lambda: services.configuration.state, services.turns, self._runs)
        self._readers: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def start(self) -> None:
        """Take up the jobs that the last master daemon left."""
        left = interrupted(self.queue)
        for tracked in unfinished(self.queue):
            self.queue.show(tracked, self._concealed(tracked.job))
            self._runs[tracked.job.id] = _Run(self, tracked)
        await self.admission.review()  # before the first of them begins: those that have begun count
        for tracked in unfinished(self.queue):
            run = self._runs[tracked.job.id]
            run.start(run.clean_up() if tracked in left else run.work())

    async def stop(self) -> None:
        """Stop working. What runs is taken up as after a crash."""
        tasks = [run.task for run in self._runs.values() if run.task]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def parse(self, operations: Sequence[Any], caller: Caller) -> list[JobOperation[Any]]:
        """Encoded operations as values. Raises WrongInput, or AccessDenied for those that the caller may not do at all.

        That is asked before their parameters are read, which takes the longer the more there are.
        """
        if not operations:
            raise WrongInput("A job needs at least one operation")
        return [self.parse_one(operation, caller) for operation in operations]

    def parse_one(self, operation: Any, caller: Caller) -> JobOperation[Any]:
        cls = self._class_of(operation)
        ensure_role(caller, cls.role, cls.wire_name())
        return decode(operation, cls, cls.wire_name())

    def parse_step(self, step: Step) -> JobOperation[Any]:
        """Of a job, for which its caller was asked once. Raises WrongInput."""
        operation = msgspec.json.decode(step.input)
        cls = self._class_of(operation)
        return decode(operation, cls, cls.wire_name())

    def _class_of(self, operation: Any) -> type[JobOperation[Any]]:
        if not isinstance(operation, dict) or not isinstance(operation.get("OP_ID"), str):
            raise WrongInput("An operation is an object with an OP_ID")
        return self._registry(operation["OP_ID"])

    async def submit(self, jobs: Sequence[Sequence[JobOperation[Any]]], caller: Caller) -> list[int]:
        """Take in jobs, all or none; their numbers, given out when they are durable.

        Negative dependencies count back from the job itself. Raises WrongInput for one on a job that does
        not exist, AccessDenied for what the caller may not do, TooMany, WrongState for what the filters reject,
        StoreFailed.
        """
        new = await self._made(jobs, caller)
        for refused in (await self.admission.refused(new)).values():
            raise refused
        await self._take_in(new)
        return [job.id for job in new]

    async def submit_each(self, jobs: Sequence[Sequence[JobOperation[Any]]], caller: Caller) -> list[int | WrongState]:
        """The same for those jobs that the filters do not reject, nor one of the new jobs that they depend on."""
        new = await self._made(jobs, caller)
        refused = await self.admission.refused(new)
        for job in new:
            if job.id not in refused and (lacking := [other for other, _ in job.depends if other in refused]):
                refused[job.id] = WrongState(f"It depends on job {lacking[0]}: {refused[lacking[0]].message}")
        await self._take_in([job for job in new if job.id not in refused])
        return [refused.get(job.id, job.id) for job in new]

    async def ensure_accepted(self, operation: JobOperation[Any], caller: Caller) -> None:
        """Raises WrongState if the filters would reject it now."""
        job = self._job(self.queue.last + 1, [operation], caller)
        for refused in (await self.admission.refused([job])).values():
            raise refused

    async def read(self, operation: JobOperation[Any], caller: Caller) -> Any:
        """Carry out an operation that changes nothing, without a job. Raises what it raises."""
        ensure_may(caller, operation)
        if not operation.reads_only:
            raise WrongInput(f"{operation.wire_name()} changes the cluster; submit it as a job")
        context = RunContext(self._services, _NoJob())
        return await operation.run(context, await operation.check(context))

    def cancel(self, number: int, caller: Caller) -> tuple[bool, str]:
        """Cancel what of a job has not begun; whether there was something, and a sentence about it.

        Raises UnknownEntity, AccessDenied.
        """
        tracked = self.queue.get(number)
        ensure_may_change(caller, tracked.job)
        run = self._runs.get(number)
        if tracked.job.status in (JobStatus.QUEUED, JobStatus.WAITING) and run and run.cancel():
            return True, f"Job {number} canceled"
        if tracked.job.status is JobStatus.RUNNING and run and run.stop_after_step():
            return True, f"Job {number} will be canceled after the operation that is running now"
        return False, f"Job {number} is no longer waiting in the queue (status: {tracked.job.status})"

    def change_priority(self, number: int, priority: int, caller: Caller) -> tuple[bool, str]:
        """Let a waiting job be served earlier or later; see ``cancel``."""
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
            self._runs[job.id] = run = _Run(self, self.queue.get(job.id))
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
            received=self._services.clock.now(),
            priority=min(operation.priority for operation in operations),
            depends=depends,
            caller=caller,
        )

    def _concealed(self, job: Job) -> Job:
        """A job that an earlier version of the software may have left, which showed the secrets of waiting jobs."""
        for index, step in enumerate(job.steps):
            with suppress(GanetiError):
                job = job.with_step(index, shown=_step_of(self.parse_step(step)).shown)
        return job

    def _ensure_dependencies(self, jobs: Sequence[Job]) -> None:
        """A job may wait for older ones only, so that none waits for itself."""
        known: set[int] = set()
        for job in jobs:
            for other, _ in job.depends:
                if other not in known and self.queue.find(other) is None:
                    raise WrongInput(f"Parameter 'depends': there is no job {other} before this one")
            known.add(job.id)

    def room_for(self, caller: Caller) -> AbstractAsyncContextManager[None]:
        """What a job needs to work: of who may only read so many are, and others' jobs do not wait for the rest."""
        if Role.OPERATE in caller.roles:
            return nullcontext()
        return self._readers.setdefault(caller.name, asyncio.Semaphore(AT_WORK_OF_READER))

    def _finished(self, number: int) -> None:
        self._runs.pop(number, None)
        self.admission.forget(number)
        self._services.reservations.release(number)


class _Run:
    """One job at work."""

    def __init__(self, executor: Executor, tracked: Tracked) -> None:
        self.task: asyncio.Task[None] | None = None
        self._executor = executor
        self._queue = executor.queue
        self._services = executor._services
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
        return self._tracked.job.id

    @property
    def job(self) -> Job:
        return self._tracked.job

    @property
    def begun(self) -> bool:
        return self.job.steps[0].status not in (JobStatus.QUEUED, JobStatus.WAITING)

    def start(self, work: Any) -> None:
        self.task = asyncio.create_task(work, name=f"job {self.id}")

    def cancel(self) -> bool:
        """Cancel if nothing has begun; whether it will be."""
        return self._cancel(_BY_REQUEST)

    def _cancel(self, why: str) -> bool:
        if not self._cancelable or self.task is None:
            return False
        self._canceled = why
        self.task.cancel()
        return True

    def stop_after_step(self) -> bool:
        """Begin no further step; whether there would have been one."""
        self._stopping = self._tracked.job.steps[-1].status is JobStatus.QUEUED
        return self._stopping

    def change_priority(self, priority: int) -> None:
        self._queue.show(self._tracked, evolve(self._tracked.job, priority=priority))
        if self._waiting:
            self._executor.locks.change_priority(self._waiting, priority)

    # What admission says: see Entrant.

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

    # What a running operation tells its job: see JobRecord.

    def log(self, text: str, kind: str = "message") -> None:
        self._queue.add_log(self._tracked, kind, text)

    def progress(self, progress: Progress | None) -> None:
        self._queue.set_progress(self._tracked, progress)

    async def keep_residue(self, residue: tuple[Residue, ...]) -> None:
        await self._queue.write(self._tracked, evolve(self._tracked.job, residue=residue))

    def record_with(self, residue: tuple[Residue, ...]) -> Record:
        return record_of(evolve(self._tracked.job, residue=residue))

    def has_kept(self, residue: tuple[Residue, ...]) -> None:
        self._queue.show(self._tracked, evolve(self._tracked.job, residue=residue))

    async def submit(self, jobs: Sequence[Sequence[JobOperation[Any]]]) -> list[int]:
        """As whoever submitted this job."""
        return await self._executor.submit(jobs, self._tracked.job.caller)

    # The stages of a job.

    async def work(self) -> None:
        """Carry out the steps that are not done yet, one after the other."""
        index = 0
        try:
            for index, step in enumerate(self._tracked.job.steps):
                if step.status is not JobStatus.SUCCESS:
                    if self._stopping:
                        await self._end(index, JobStatus.CANCELED, _BY_REQUEST)
                        break
                    await self._step(index, step)
        except asyncio.CancelledError:
            if not self._canceled:
                raise  # the daemon stops
            await self._end(index, JobStatus.CANCELED, self._canceled)
        except GanetiError as error:
            await self._end(index, JobStatus.ERROR, errors.encode(error))
        except Exception as error:  # noqa: BLE001 - a job ends, whatever happens
            _log.exception("Job %d failed unexpectedly", self.id)
            await self._end(index, JobStatus.ERROR, errors.encode(error))
        finally:
            self._executor._finished(self.id)

    async def clean_up(self) -> None:
        """Clean up after the step that was running when the last master daemon stopped, and end the job."""
        job = self._tracked.job
        index = next(index for index, step in enumerate(job.steps) if step.status is JobStatus.RUNNING)
        lost = await cleaned_up(RunContext(self._services, self, job.residue), self._held(job.steps[index]))
        await self._end(index, JobStatus.ERROR, errors.encode(lost))
        self._executor._finished(self.id)

    async def _step(self, index: int, step: Step) -> None:
        self._cancelable = True
        await self._dependencies()
        async with self._held(step, index) as operation:
            self._cancelable = False
            self._update(index, status=JobStatus.RUNNING, executed=self._services.clock.now())
            result = await self._carried_out(operation)
        await self._succeeded(index, result)

    async def _carried_out(self, operation: JobOperation[Any]) -> Any:
        plan = await operation.check(CheckContext(self._services, self))
        if operation.dry_run:
            return None
        # From here on things change: that this job runs must survive a crash.
        await self._queue.write(self._tracked, self._tracked.job)
        context = RunContext(self._services, self)
        hooks = Hooks(operation, plan, context)
        await hooks.before()
        try:
            result = await operation.run(context, plan)
        except Exception as error:
            left = await context.undo_all()
            if not left:
                raise
            kind = type(error) if isinstance(error, GanetiError) else ExecutionFailed
            raise kind(f"{in_words(error)}. This could not be undone: {'; '.join(left)}") from error
        await hooks.after()
        return result

    @asynccontextmanager
    async def _held(self, step: Step, begins: int | None = None) -> AsyncIterator[JobOperation[Any]]:
        """A step's operation, with all its locks. ``begins``: the number of one that is to begin."""
        operation = self._executor.parse_step(step)
        async with self._executor.room_for(self._tracked.job.caller):
            request = await (self._locked(operation) if begins is None else self._entered(begins, operation))
            try:
                yield operation
            finally:
                self._executor.locks.release(request)

    async def _entered(self, index: int, operation: JobOperation[Any]) -> Request:
        """Hold all the operation's locks while the filters let the job in."""
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
        """Wait until a job that has not begun may."""
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
        """Hold all the operation's locks, and be sure that they are the right ones."""
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
        priority = self._tracked.job.priority
        self._waiting = self._executor.locks.request(f"job/{self.id}", wanted, priority)
        try:
            await self._waiting.granted
        except BaseException:
            self._executor.locks.release(self._waiting)
            raise
        return self._waiting

    async def _dependencies(self) -> None:
        for number, allowed in self._tracked.job.depends:
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
        self._queue.show(self._tracked, self._tracked.job.with_step(index, **changes))

    async def _succeeded(self, index: int, result: Any) -> None:
        self._tracked.progress = None
        job = self._tracked.job.with_step(
            index,
            status=JobStatus.SUCCESS,
            result=msgspec.to_builtins(result),
            ended=self._services.clock.now(),
        )
        await self._queue.write_at_last(self._tracked, evolve(_redacted(job, index), residue=()))

    async def _end(self, index: int, status: JobStatus, result: Any) -> None:
        """End the job at a step; those after it end likewise, without having begun."""
        job, now = self._tracked.job, self._services.clock.now()
        for later in range(index, len(job.steps)):
            told = result if later == index or status is JobStatus.CANCELED else _not_reached(index)
            job = _redacted(job.with_step(later, status=status, result=told, ended=now), later)
        self._tracked.progress = None
        await self._queue.write_at_last(self._tracked, evolve(job, residue=()))


class _NoJob:
    """Stands for the job of an operation that is carried out without one."""

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


def _not_reached(index: int) -> list[Any]:
    return errors.encode(Canceled(f"Not started: step {index + 1} of the job failed"))


def _step_of(operation: JobOperation[Any]) -> Step:
    public = operation.public()
    hides = public != msgspec.to_builtins(operation)
    return Step(
        input=msgspec.Raw(msgspec.json.encode(operation)),
        summary=operation.summary(),
        shown=msgspec.Raw(msgspec.json.encode(public)) if hides else UNSET,
    )


def _redacted(job: Job, index: int) -> Job:
    """The job without the secrets of a step that is over."""
    return job.with_step(index, input=job.steps[index].public, shown=UNSET)
