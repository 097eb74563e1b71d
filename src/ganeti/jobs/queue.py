# SPDX-License-Identifier: BSD-2-Clause
"""The durable queue: the records of all jobs, and those waiting for one to change."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import msgspec

from ganeti.config.journal import Journal
from ganeti.config.store import ARCHIVED_JOB, JOB, JOB_LOG, Store
from ganeti.declare.role import Role
from ganeti.errors import StoreFailed, TooMany, UnknownEntity
from ganeti.host.clock import Clock
from ganeti.model.job import Job, JobStatus, LogEntry
from ganeti.rpc.call import Progress
from ganeti.rpc.contract.store import Record

_log = logging.getLogger(__name__)

_COUNTER = "counter"
_LAST_JOB = "last-job"
_ARCHIVED_FOR = 21 * 86400.0  # seconds that an archived job is kept after it has ended, as by ganeti-cleaner(8)
_MOST_ARCHIVED = 10000
MOST_OF_READER = 64
MOST_UNFINISHED = 10000  # jobs that wait or run
MOST_KEPT = 20000  # jobs that are not archived
_ARCHIVED_AT_ONCE = 1000
_PURGED_AT_ONCE = 100  # to limit the size of batches
_RETRY = 1.0  # seconds between retries of a failed write

_encoder = msgspec.json.Encoder()


class Tracked:
    """A job with its volatile part: its progress, and those waiting for news."""

    __slots__ = ("job", "log", "progress", "waiters")

    def __init__(self, job: Job, log: list[LogEntry]) -> None:
        self.job = job
        self.log = log
        self.progress: Progress | None = None
        self.waiters: list[asyncio.Future[None]] = []

    def notify(self) -> None:
        waiters, self.waiters = self.waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def changed(self) -> None:
        """Return at the next change."""
        waiter = asyncio.get_running_loop().create_future()
        self.waiters.append(waiter)
        await waiter


class JobQueue:
    """Reads jobs from the store and writes them through the journal."""

    def __init__(self, store: Store, journal: Journal, clock: Clock) -> None:
        self._store = store
        self._journal = journal
        self._clock = clock
        self.problems: dict[str, str] = {}
        self._jobs = {tracked.job.id: tracked for tracked in self._load()}
        self._last = max(_load_counter(store), *self._jobs, 0)

    def __iter__(self) -> Iterator[Tracked]:
        """All jobs that are not archived, by number."""
        return iter([self._jobs[number] for number in sorted(self._jobs)])

    def get(self, number: int) -> Tracked:
        """Raises UnknownEntity, also for an archived job."""
        if number not in self._jobs:
            raise UnknownEntity(f"Job {number} not found")
        return self._jobs[number]

    def find(self, number: int) -> Tracked | None:
        """The job, archived or not."""
        return self._jobs.get(number) or self._archived(number)

    async def ended(self, number: int) -> Job:
        """Wait until the job has ended; the job. Raises UnknownEntity."""
        tracked = self.get(number)
        while not tracked.job.status.final:
            await tracked.changed()
        return tracked.job

    @property
    def last(self) -> int:
        """The highest job number ever used."""
        return self._last

    def take_number(self) -> int:
        self._last += 1
        return self._last

    async def add(self, jobs: Iterable[Job]) -> None:
        """Add new jobs, all or none; they are durable when this returns. Raises StoreFailed."""
        new = list(jobs)
        await self._make_place()
        counter = Record(_COUNTER, _LAST_JOB, msgspec.Raw(_encoder.encode(self._last)))
        await self._journal.append([*map(record_of, new), counter])
        for job in new:
            self._jobs[job.id] = Tracked(job, [])

    async def _make_place(self) -> None:
        """If the queue is full, archive the oldest finished jobs: many at once, and seldom."""
        if len(self._jobs) < MOST_KEPT:
            return
        over = (number for number, tracked in self._jobs.items() if tracked.job.status.final)
        await self.archive(list(islice(over, _ARCHIVED_AT_ONCE)))

    async def write(self, tracked: Tracked, job: Job) -> None:
        """Change a job durably. Raises StoreFailed; the job is unchanged then."""
        await self._journal.append([record_of(job)])
        self.show(tracked, job)

    async def write_at_last(self, tracked: Tracked, job: Job) -> None:
        """Change a job durably, however long that takes; until then the change is invisible."""
        while True:
            try:
                await self.write(tracked, job)
                return
            except StoreFailed as error:
                _log.error("The end of job %d cannot be written yet: %s", job.id, error.message)
                await asyncio.sleep(_RETRY)

    def show(self, tracked: Tracked, job: Job) -> None:
        """Change a job in a way that need not survive a crash."""
        tracked.job = job
        tracked.notify()

    def add_log(self, tracked: Tracked, kind: str, text: str) -> None:
        entry = LogEntry(len(tracked.log) + 1, self._clock.now(), kind, text)
        tracked.log.append(entry)
        key = f"{tracked.job.id}/{entry.serial:06}"
        self._journal.post([Record(JOB_LOG, key, msgspec.Raw(_encoder.encode(entry)))])
        tracked.notify()

    def set_progress(self, tracked: Tracked, progress: Progress | None) -> None:
        if progress != tracked.progress:
            tracked.progress = progress
            tracked.notify()

    async def archive(self, numbers: Iterable[int]) -> list[int]:
        """Archive finished jobs; returns the numbers of those that were."""
        done = [n for n in numbers if n in self._jobs and self._jobs[n].job.status.final]
        records = [record for n in done for record in (Record(JOB, str(n)), record_of(self._jobs[n].job, ARCHIVED_JOB))]
        await self._journal.append(records)
        for number in done:
            self._jobs.pop(number, None)  # somebody else may have archived it meanwhile
        return done

    def archived(self) -> list[Job]:
        return [job for record in self._store.load(ARCHIVED_JOB) if (job := self._read(record))]

    def _load(self) -> list[Tracked]:
        jobs = [job for record in self._store.load(JOB) if (job := self._read(record))]
        return [Tracked(job, _load_log(self._store, job.id)) for job in jobs]

    def _read(self, record: Record) -> Job | None:
        """The job, or None if it can't be read; then its record is kept as it is, and named in the log."""
        try:
            return msgspec.json.decode(record.body, type=Job)
        except msgspec.MsgspecError as error:
            self.problems[f"job {record.key}"] = f"it is kept, but not served: {error}"
            _log.error("The stored job %s cannot be read; it is kept, but not served: %s", record.key, error)
            return None

    async def make_room(self, user: str) -> None:
        """Make room for a job of a read-only user, so that such users cannot fill the database.

        Raises TooMany if none of that user's jobs has ended.
        """
        own = [t.job for t in self if t.job.caller.name == user and Role.OPERATE not in t.job.caller.roles]
        surplus = len(own) - MOST_OF_READER + 1
        gone = [job.id for job in own if job.status.final][: max(surplus, 0)]
        if len(gone) < surplus:
            raise TooMany(f"{len(own)} jobs of user '{user}' have not ended; ask again later")
        await self._remove(JOB, gone)
        for number in gone:
            del self._jobs[number]

    async def purge(self) -> list[int]:
        """Delete the archived jobs that are too old or too many, with their logs; their numbers."""
        jobs = sorted(self.archived(), key=lambda job: job.id, reverse=True)
        oldest = self._clock.now() - _ARCHIVED_FOR
        gone = [job.id for place, job in enumerate(jobs) if place >= _MOST_ARCHIVED or _end(job) < oldest]
        for start in range(0, len(gone), _PURGED_AT_ONCE):
            await self._remove(ARCHIVED_JOB, gone[start : start + _PURGED_AT_ONCE])
        return gone

    async def _remove(self, kind: str, numbers: Sequence[int]) -> None:
        """Delete jobs with their logs."""
        logs = [record for number in numbers for record in self._store.load(JOB_LOG, f"{number}/")]
        records = [Record(record.kind, record.key) for record in logs]
        if numbers:
            await self._journal.append([*(Record(kind, str(number)) for number in numbers), *records])

    def _archived(self, number: int) -> Tracked | None:
        found = [r for r in self._store.load(ARCHIVED_JOB, str(number)) if r.key == str(number)]
        job = self._read(found[0]) if found else None
        return Tracked(job, _load_log(self._store, number)) if job else None


def finished_before(queue: JobQueue, moment: float) -> list[int]:
    """The numbers of jobs that ended before ``moment`` (seconds since the epoch)."""
    return [tracked.job.id for tracked in queue if tracked.job.status.final and _end(tracked.job) < moment]


def _end(job: Job) -> float:
    return job.ended or job.received


def interrupted(queue: JobQueue) -> list[Tracked]:
    """The jobs that were running when the last master daemon ended."""
    return [tracked for tracked in queue if tracked.job.status is JobStatus.RUNNING]


def unfinished(queue: JobQueue) -> list[Tracked]:
    """The jobs that have not ended."""
    return [tracked for tracked in queue if not tracked.job.status.final]


def _load_log(store: Store, number: int) -> list[LogEntry]:
    entries: list[LogEntry] = []
    for record in store.load(JOB_LOG, f"{number}/"):
        try:
            entries.append(msgspec.json.decode(record.body, type=LogEntry))
        except msgspec.MsgspecError as error:
            _log.error("The entry %s of a job's log cannot be read: %s", record.key, error)
    return entries


def _load_counter(store: Store) -> int:
    found = store.load(_COUNTER, _LAST_JOB)
    try:
        return msgspec.json.decode(found[0].body, type=int) if found else 0
    except msgspec.MsgspecError as error:
        _log.error("The number of the last job cannot be read: %s", error)
        return max((int(record.key) for kind in (JOB, ARCHIVED_JOB) for record in store.load(kind)), default=0)


def record_of(job: Job, kind: str = JOB) -> Record:
    return Record(kind, str(job.id), msgspec.Raw(_encoder.encode(job)))
