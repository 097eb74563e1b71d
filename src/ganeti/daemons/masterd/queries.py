# SPDX-License-Identifier: BSD-2-Clause
"""Answers to queries: the rows, with what the nodes know where it is asked for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Generator, Sequence
from typing import Any

from ganeti.declare.field import OTHER, TEXT, Field
from ganeti.errors import GanetiError, WrongInput
from ganeti.jobs.context import CheckContext, Services
from ganeti.jobs.executor import Executor
from ganeti.jobs.locks import LockStatus
from ganeti.model.report import NodeReport
from ganeti.model.state import State
from ganeti.model.template import storage_units
from ganeti.operations.os.diagnose import provider_rows
from ganeti.operations.storage.diagnose import storage_provider_rows
from ganeti.query import group, instance, job, node
from ganeti.query.column import Columns, Table, column
from ganeti.query.extstorage import STORAGE_PROVIDERS
from ganeti.query.filter import Filter
from ganeti.query.os import PROVIDERS
from ganeti.query.short_names import ShortNames
from ganeti.query.view import View
from ganeti.rpc.contract.node import DescribeNode

# A node that comes back, or a master that has just started, gets this long to be seen (seconds).
_PATIENCE = 1.0

LOCKS: Columns[LockStatus] = Columns(
    [
        column("name", "Name", TEXT, "Name of the lock", lambda row: row.name),
        column("mode", "Mode", OTHER, "How it is held", lambda row: row.mode),
        column("owner", "Owner", OTHER, "Who holds it", lambda row: list(row.owners) or None),
        column(
            "pending",
            "Pending",
            OTHER,
            "Who waits for it",
            lambda row: [[mode, [owner]] for mode, owner in row.pending] or None,
        ),
    ],
)

_Answer = Callable[[Sequence[str], Filter | None], Awaitable[Table]]

# How long a query works before others get a turn (seconds).
_TURN = 0.02


class Queries:
    """Everything that can be listed, by the names of the wire."""

    def __init__(self, services: Services, executor: Executor) -> None:
        self._services = services
        self._executor = executor
        self._columns: dict[str, Columns[Any]] = {
            "instance": instance.INSTANCES,
            "node": node.NODES,
            "group": group.GROUPS,
            "job": job.JOBS,
            "lock": LOCKS,
            "os": PROVIDERS,
            "extstorage": STORAGE_PROVIDERS,
        }
        self._answers: dict[str, _Answer] = {
            "instance": self._instances,
            "node": self._nodes,
            "group": self._groups,
            "job": self._jobs,
            "lock": self._locks,
            "os": self._providers,
            "extstorage": self._storage_providers,
        }

    @property
    def state(self) -> State:
        return self._services.configuration.state

    async def query(self, what: str, fields: Sequence[str], condition: Any = None) -> Table:
        """The table of a kind of thing. Raises WrongInput for a kind or a filter that makes no sense."""
        names = ShortNames(self.state, self._known(what))
        return await self._answers[what](fields, Filter(condition, names.meant) if condition else None)

    def fields(self, what: str, names: Sequence[str] | None) -> list[Field]:
        return self._known(what).fields(names)

    def _known(self, what: str) -> Columns[Any]:
        if what not in self._columns:
            raise WrongInput(f"There is no resource '{what}' to query; choose from {', '.join(self._columns)}")
        return self._columns[what]

    async def _instances(self, fields: Sequence[str], condition: Filter | None) -> Table:
        columns, state = instance.INSTANCES, self.state
        live = columns.need_live(fields, condition)
        guests = await self._guests(state) if live else {}
        view = View(state, guests, {uuid: self._services.live.unknown_on(uuid) for uuid in guests})
        return await by_turns(columns.steps(instance.rows(view, state.instances), fields, condition))

    async def _nodes(self, fields: Sequence[str], condition: Filter | None) -> Table:
        columns, state = node.NODES, self.state
        live = columns.need_live(fields, condition)
        view = View(state, reports=await self._reports(state) if live else {})
        return await by_turns(columns.steps(node.rows(view, state.nodes), fields, condition))

    async def _groups(self, fields: Sequence[str], condition: Filter | None) -> Table:
        return await by_turns(group.GROUPS.steps(group.rows(View(self.state), self.state.groups), fields, condition))

    async def _jobs(self, fields: Sequence[str], condition: Filter | None) -> Table:
        queue = self._executor.queue
        rows = [job.JobRow(tracked.job, tracked.log) for tracked in queue]
        if "archived" in {*fields, *(condition.fields if condition else ())}:
            rows += [job.JobRow(archived, [], archived=True) for archived in queue.archived()]
            rows.sort(key=lambda row: row.job.id)
        return await by_turns(job.JOBS.steps(rows, fields, condition))

    async def _locks(self, fields: Sequence[str], condition: Filter | None) -> Table:
        return await by_turns(LOCKS.steps(self._services.locks.status(), fields, condition))

    async def _providers(self, fields: Sequence[str], condition: Filter | None) -> Table:
        return await by_turns(PROVIDERS.steps(await provider_rows(CheckContext(self._services)), fields, condition))

    async def _storage_providers(self, fields: Sequence[str], condition: Filter | None) -> Table:
        rows = await storage_provider_rows(CheckContext(self._services))
        return await by_turns(STORAGE_PROVIDERS.steps(rows, fields, condition))

    async def _guests(self, state: State) -> dict[str, Any]:
        """The guests of every node, as its stream of events tells."""
        live = self._services.live
        followed = state.hosting_nodes
        await asyncio.gather(*(live.settled(n.uuid, _PATIENCE) for n in followed if not live.reachable(n.uuid)))
        return {n.uuid: live.guests_on(n.uuid) for n in followed}

    async def _reports(self, state: State) -> dict[str, NodeReport]:
        cluster = state.cluster
        call = DescribeNode(cluster.enabled_hypervisors, storage_units(cluster))
        asked = state.hosting_nodes
        answers = await self._services.nodes.call_all(asked, call)
        return {n.uuid: found for n in asked if not isinstance(found := answers[n.name], GanetiError)}


async def by_turns(steps: Generator[None, None, Table]) -> Table:
    """Make a table without keeping the others waiting."""
    while True:
        turn = time.monotonic() + _TURN
        try:
            while time.monotonic() < turn:
                next(steps)
        except StopIteration as made:
            table: Table = made.value
            return table
        await asyncio.sleep(0)
