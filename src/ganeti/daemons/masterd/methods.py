# SPDX-License-Identifier: BSD-2-Clause
"""What local programs can request of the master daemon (``ganeti.luxi.protocol.Method``)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, Sequence
from typing import Annotated, Any

from msgspec import Meta, Raw

from ganeti.bootstrap.join.invitations import LONGEST, SHORTEST, Invitations
from ganeti.daemons.masterd.master import Master
from ganeti.daemons.masterd.watcher.files import LAST_MOMENT
from ganeti.daemons.masterd.watcher.watcher import JOB_AGE, Round
from ganeti.declare.decode import decode
from ganeti.declare.role import Role
from ganeti.declare.types import (
    LONGEST_NAME,
    MOST_FIELDS,
    MOST_NAMES,
    Duration,
    Fields,
    Name,
    Names,
    NonNegative,
    Priority,
    Uuid,
    form,
)
from ganeti.errors import GanetiError, WrongInput, WrongState
from ganeti.jobs.permission import ensure_role
from ganeti.jobs.queue import finished_before
from ganeti.luxi.protocol import FilterRequest, Method, WatchOptions, encoder
from ganeti.luxi.signature import typed
from ganeti.model.caller import ROOT, Caller
from ganeti.model.entity import evolve
from ganeti.model.group import Group
from ganeti.model.job_filter import GivenAction, Predicates, ReasonTrail
from ganeti.model.kind import Kind, labelled
from ganeti.model.state import CLASSES
from ganeti.model.timing import LONGEST_NEWS
from ganeti.operations.cluster.config_query import config_values
from ganeti.operations.cluster.info import describe
from ganeti.operations.tags.subject import tagged
from ganeti.query.filter import names_filter
from ganeti.query.job import JOBS, JobRow, log_entries

_NO_CHANGE = "nochange"

# Types of what comes over the wire, besides those of operations' parameters.
JobNumber = Annotated[int, Meta(ge=1, lt=10**18)] | Annotated[str, form(r"[0-9]{1,18}", "the number of a job")]
MOST = Meta(max_length=MOST_NAMES)
Numbers = Annotated[list[JobNumber], MOST]
Many = Annotated[list[Any], MOST]
Moment = Annotated[float, Meta(ge=0, le=LAST_MOMENT)]
Columns = Annotated[dict[Name, Name], Meta(max_length=MOST_FIELDS)]


class Methods:
    """Bound to one master."""

    def __init__(self, master: Master, invitations: Invitations) -> None:
        self._master = master
        self._executor = master.executor
        self._queue = master.queue
        self._queries = master.queries
        self._invitations = invitations

    def table(self) -> dict[str, Callable[..., Awaitable[Any]]]:
        """By name; each decodes its arguments as received into its own types, or raises WrongInput."""
        methods: dict[Method, Callable[..., Awaitable[Any]]] = {
            Method.SUBMIT_JOB: self.submit_job,
            Method.SUBMIT_MANY_JOBS: self.submit_many_jobs,
            Method.WAIT_FOR_JOB_CHANGE: self.wait_for_job_change,
            Method.CANCEL_JOB: self.cancel_job,
            Method.CHANGE_JOB_PRIORITY: self.change_job_priority,
            Method.ARCHIVE_JOB: self.archive_job,
            Method.AUTO_ARCHIVE_JOBS: self.auto_archive_jobs,
            Method.QUERY: self.query,
            Method.QUERY_OBJECTS: self.query_objects,
            Method.QUERY_FIELDS: self.query_fields,
            Method.QUERY_JOBS: self.query_jobs,
            Method.QUERY_INSTANCES: self._old_query(Kind.INSTANCE),
            Method.QUERY_NODES: self._old_query(Kind.NODE),
            Method.QUERY_GROUPS: self._old_query(Kind.GROUP),
            Method.QUERY_NETWORKS: self._old_query(Kind.NETWORK),
            Method.QUERY_FILTERS: self.query_filters,
            Method.QUERY_CLUSTER_INFO: self.query_cluster_info,
            Method.QUERY_CONFIG_VALUES: self.query_config_values,
            Method.QUERY_TAGS: self.query_tags,
            Method.SET_DRAIN_FLAG: self.set_drain_flag,
            Method.SET_WATCHER_PAUSE: self.set_watcher_pause,
            Method.REPLACE_FILTER: self.replace_filter,
            Method.DELETE_FILTER: self.delete_filter,
            Method.WATCH: self.watch,
            Method.READ: self.read,
            Method.SUBMIT_JOB_AS: self.submit_job_as,
            Method.CANCEL_JOB_AS: self.cancel_job_as,
            Method.READ_AS: self.read_as,
            Method.REPLACE_FILTER_AS: self.replace_filter_as,
            Method.DELETE_FILTER_AS: self.delete_filter_as,
            Method.OFFER_JOIN: self.offer_join,
            Method.FIND_NAMES: self.find_names,
        }
        return {name: typed(method, name) for name, method in methods.items()}

    async def submit_job(self, operations: Many) -> int:
        """The number of the job."""
        return await self._submit(operations, ROOT)

    async def submit_job_as(self, caller: Caller, operations: Many) -> int:
        """The number of the job."""
        return await self._submit(operations, caller)

    async def submit_many_jobs(self, jobs: Annotated[list[Many], MOST]) -> list[tuple[bool, Any]]:
        """For each job whether it was accepted, with its number or the reason."""
        parsed: list[Any] = []
        for operations in jobs:
            try:
                parsed.append(self._executor.parse(operations, ROOT))
            except GanetiError as error:
                parsed.append(error)
        self._ensure_not_drained()
        good = [operations for operations in parsed if not isinstance(operations, GanetiError)]
        numbers = iter(await self._executor.submit_each(good, ROOT))
        taken = [given if isinstance(given, GanetiError) else next(numbers) for given in parsed]
        return [(False, one.message) if isinstance(one, GanetiError) else (True, one) for one in taken]

    async def wait_for_job_change(
        self, number: JobNumber, fields: Fields, previous: Any, previous_serial: int | None, timeout: Duration
    ) -> Any:
        """[values, new log entries] as soon as one of them is new; "nochange" after ``timeout`` seconds."""
        tracked = self._queue.find(int(number))
        if tracked is None:
            return None
        loop = asyncio.get_running_loop()
        deadline = loop.time() + min(timeout, LONGEST_NEWS)
        while True:
            row = JobRow(tracked.job, tracked.log, progress=_progress(tracked))
            values = [JOBS.find(name).cell(row)[1] for name in fields]
            entries = [entry for entry in log_entries(row) if entry[0] > (previous_serial or -1)]
            if entries or _plain(values) != previous:
                return [values, entries]
            try:
                async with asyncio.timeout(deadline - loop.time()):
                    await tracked.changed()
            except TimeoutError:
                return _NO_CHANGE

    async def cancel_job(self, number: JobNumber, kill: bool = False) -> tuple[bool, str]:
        """Whether it was canceled, and a sentence about it."""
        if kill:
            raise WrongInput("A running job cannot be killed: jobs are not separate processes")
        return self._executor.cancel(int(number), ROOT)

    async def cancel_job_as(self, caller: Caller, number: JobNumber) -> tuple[bool, str]:
        """See ``cancel_job``."""
        return self._executor.cancel(int(number), caller)

    async def change_job_priority(self, number: JobNumber, priority: Priority) -> tuple[bool, str]:
        return self._executor.change_priority(int(number), priority, ROOT)

    async def archive_job(self, number: JobNumber) -> bool:
        return bool(await self._queue.archive([int(number)]))

    async def auto_archive_jobs(self, age: float, timeout: Duration | None = 0) -> tuple[int, int]:
        """(number of jobs archived, number left); ``age`` in seconds, -1 for any."""
        del timeout  # it is one transaction
        moment = float("inf") if age < 0 else self._master.services.clock.now() - age
        return len(await self._queue.archive(finished_before(self._queue, moment))), 0

    async def query(self, what: Name, fields: Fields, condition: list[Any] | None = None) -> dict[str, Any]:
        """The table of a kind of thing."""
        table = await self._queries.query(what, fields, condition)
        return await self._queries.turns.take(table.encoded())

    async def query_objects(self, what: Name, columns: Columns, condition: list[Any] | None = None) -> list[Raw]:
        """The rows as objects; ``columns`` maps their keys to columns."""
        table = await self._queries.query(what, list(columns.values()), condition)
        return await self._queries.turns.take(table.encoded_objects(list(columns)))

    async def query_fields(self, what: Name, names: Fields | None = None) -> dict[str, Any]:
        return {"fields": self._queries.fields(what, names)}

    async def query_jobs(self, numbers: Numbers | None, fields: Fields) -> list[Any]:
        """Rows of plain values; None for a job that does not exist."""
        if not numbers:
            table = await self._queries.query("job", fields)
            return await self._queries.turns.take(table.encoded_rows())
        columns = [JOBS.find(name) for name in fields]

        def rows() -> Generator[None, None, list[Any]]:
            made: list[Any] = []
            for number in numbers:
                tracked = self._queue.find(int(number))
                row = JobRow(tracked.job, tracked.log) if tracked else None
                made.append(row and Raw(encoder.encode([column.cell(row)[1] for column in columns])))
                yield
            return made

        return await self._queries.turns.take(rows())

    async def query_cluster_info(self) -> dict[str, Any]:
        return describe(self._master.configuration.state)

    async def query_config_values(self, fields: Fields) -> list[Any]:
        if "watcher_pause" in fields:
            await self._master.watcher.pause.look()  # somebody may have removed its file just now
        return await config_values(self._queries, fields)

    async def query_tags(self, kind: Name, name: Annotated[str, Meta(max_length=LONGEST_NAME)] | None) -> list[str]:
        return sorted(tagged(self._master.configuration.state, labelled(kind), name).tags)

    async def query_filters(self, uuids: Names | None, fields: Fields) -> list[Raw]:
        """Rows of plain values."""
        table = await self._queries.query(Kind.FILTER, fields, names_filter(uuids or [], "uuid"))
        return await self._queries.turns.take(table.encoded_rows())

    async def replace_filter(
        self,
        uuid: Uuid | None,
        priority: NonNegative,
        predicates: Predicates,
        action: GivenAction,
        reason: ReasonTrail,
    ) -> str:
        """See Filters.replace."""
        asked = FilterRequest(uuid=uuid, priority=priority, predicates=predicates, action=action, reason=reason)
        return await self._master.filters.replace(asked)

    async def replace_filter_as(self, caller: Caller, asked: FilterRequest) -> str:
        """See Filters.replace."""
        ensure_role(caller, Role.ADMIN, "a change of filters")
        return await self._master.filters.replace(asked)

    async def delete_filter(self, uuid: Name) -> None:
        """See Filters.remove."""
        await self._master.filters.remove(uuid)

    async def delete_filter_as(self, caller: Caller, uuid: Name) -> None:
        """See Filters.remove."""
        ensure_role(caller, Role.ADMIN, "a change of filters")
        await self._master.filters.remove(uuid)

    async def set_drain_flag(self, drained: bool) -> bool:
        cluster = self._master.configuration.state.cluster
        await self._master.configuration.commit([evolve(cluster, drained_queue=drained)])
        return True

    async def set_watcher_pause(
        self, until: Moment | None, for_now: bool = False, ending: Moment | None = None
    ) -> float | None:
        """None ends the pause; until when it lasts, in seconds since the epoch.

        ``for_now``: the pause that there is comes back when this one is ended so; ``ending``: only the one of these
        that was to last until then, and not all.
        """
        now = self._master.services.clock.now()
        if until is not None and until <= now:
            raise WrongInput(f"Parameter 'until': a pause ends in the future, not {now - until:.0f} seconds ago")
        pause = self._master.watcher.pause
        if not for_now:
            await pause.set(until or 0.0)
        elif until is None:
            await pause.uncover(ending)
        else:
            await pause.cover(until)
        return self._master.watcher.pause.until

    async def watch(self, options: WatchOptions) -> Round | None:
        """The results of a round of the watcher; None if it is not waited for."""
        state = self._master.configuration.state
        return await self._master.watcher.ordered(
            ignore_pause=options.ignore_pause,
            group=state.find(Group, options.node_group) if options.node_group else None,
            verify_disks=options.verify_disks,
            job_age=JOB_AGE if options.job_age is None else options.job_age,
            wait=options.wait,
        )

    async def read(self, operation: dict[str, Any]) -> Any:
        return await self._executor.read(self._executor.parse_one(operation, ROOT), ROOT)

    async def read_as(self, caller: Any, operation: Any) -> Any:
        known = decode(caller, Caller, "The caller")
        return await self._executor.read(self._executor.parse_one(operation, known), known)

    async def offer_join(self, node_name: Name, options: dict[str, Any], valid: float) -> str:
        """A token with which a node can join for ``valid`` seconds."""
        if not SHORTEST <= valid <= LONGEST:
            raise WrongInput(
                f"Parameter 'valid': a token can be valid for {SHORTEST} seconds to {LONGEST // 86400} days, "
                f"not {valid:g} seconds"
            )
        return await self._invitations.invite(node_name, options, valid)

    async def find_names(self, what: Kind, words: Names) -> list[str]:
        """The full names of objects given by short name, in upper case, or by UUID."""
        state = self._master.configuration.state
        found: list[str] = []
        for word in words:
            found.append(state.find(CLASSES[what], word).name)
            await asyncio.sleep(0)  # a short name is searched for among all
        return found

    async def _submit(self, operations: Sequence[Any], caller: Caller) -> int:
        parsed = self._executor.parse(operations, caller)
        self._ensure_not_drained()
        return (await self._executor.submit([parsed], caller))[0]

    def _ensure_not_drained(self) -> None:
        if self._master.configuration.state.cluster.drained_queue:
            raise WrongState(
                "The job queue is drained and accepts no new jobs; use 'gnt-cluster queue undrain' to undrain it"
            )

    def _old_query(self, what: Kind) -> Callable[..., Awaitable[list[Raw]]]:
        """A query for rows of plain values, as older tools make it."""

        async def query(names: Names | None, fields: Fields, locked: bool = False) -> list[Raw]:
            del locked
            table = await self._queries.query(what, fields, names_filter(names or []))
            return await self._queries.turns.take(table.encoded_rows())

        return query


def _progress(tracked: Any) -> Any:
    progress = tracked.progress
    return None if progress is None else (progress.done, progress.total, progress.unit)


def _plain(value: Any) -> Any:
    """The value as a client sends it back after having received it: with lists for tuples."""
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
