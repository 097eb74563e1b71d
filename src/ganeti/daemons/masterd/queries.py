# SPDX-License-Identifier: BSD-2-Clause
"""Answers to queries: the rows, with live data from the nodes where requested."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from typing import Any

from ganeti.daemons.masterd.reports import Reports
from ganeti.declare.field import Field
from ganeti.errors import WrongInput
from ganeti.jobs.context import CheckContext, Services
from ganeti.jobs.executor import Executor
from ganeti.model.instance import Instance
from ganeti.model.job_filter import JobFilter
from ganeti.model.state import State
from ganeti.operations.backup.finding import export_rows
from ganeti.operations.cluster.info import describe
from ganeti.operations.instance.addresses import addresses_of
from ganeti.operations.instance.programs import programs_of
from ganeti.operations.os.diagnose import provider_rows
from ganeti.operations.storage.diagnose import storage_provider_rows
from ganeti.query import group, instance, job, network, node
from ganeti.query.cluster import CLUSTER
from ganeti.query.column import Columns, Table
from ganeti.query.export import EXPORTS
from ganeti.query.extstorage import STORAGE_PROVIDERS
from ganeti.query.filter import Filter
from ganeti.query.job_filter import FILTERS
from ganeti.query.lock import LOCKS
from ganeti.query.os import PROVIDERS
from ganeti.query.short_names import ShortNames
from ganeti.query.view import View

# How long a node that comes back, or any node after a start of the master, may take to be seen (seconds).
_PATIENCE = 1.0

_Answer = Callable[[Sequence[str], Filter | None], Awaitable[Table]]


class Queries:
    """Everything that can be listed, by wire names."""

    def __init__(self, services: Services, executor: Executor, mastership: Callable[[], dict[str, Any]]) -> None:
        """``mastership``: facts that are not in the configuration, by names of the cluster's columns."""
        self.turns = services.turns
        self._reports = Reports(services)
        self._services = services
        self._executor = executor
        self._mastership = mastership
        self._columns: dict[str, Columns[Any]] = {
            "instance": instance.INSTANCES,
            "node": node.NODES,
            "group": group.GROUPS,
            "network": network.NETWORKS,
            "job": job.JOBS,
            "lock": LOCKS,
            "filter": FILTERS,
            "cluster": CLUSTER,
            "os": PROVIDERS,
            "extstorage": STORAGE_PROVIDERS,
            "export": EXPORTS,
        }
        self._answers: dict[str, _Answer] = {
            "instance": self._instances,
            "node": self._nodes,
            "group": self._groups,
            "network": self._networks,
            "job": self._jobs,
            "lock": self._locks,
            "filter": self._filters,
            "cluster": self._cluster,
            "os": self._providers,
            "extstorage": self._storage_providers,
            "export": self._exports,
        }

    @property
    def state(self) -> State:
        return self._services.configuration.state

    async def query(self, what: str, fields: Sequence[str], condition: Any = None) -> Table:
        """The table of a kind of thing. Raises WrongInput for an unknown kind or an invalid filter."""
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
        tested = condition.fields if condition else set()
        view = await self._with_more(view, state.instances, tested)
        if asked := instance.ASKED_FOR & set(fields) - set(tested):
            matching = await self.turns.take(columns.steps(instance.rows(view, state.instances), ["uuid"], condition))
            view = await self._with_more(view, [state.get(Instance, uuid) for ((_, uuid),) in matching.data], asked)
        return await self.turns.take(columns.steps(instance.rows(view, state.instances), fields, condition))

    async def _with_more(self, view: View, instances: Sequence[Instance], fields: Collection[str]) -> View:
        """With what nodes are asked only for these fields."""
        context = CheckContext(self._services)
        if instance.GUEST_ADDRESSES in fields:
            view = replace(view, addresses=await addresses_of(context, instances))
        if not instance.OF_PROGRAMS.isdisjoint(fields):
            view = replace(view, programs=await programs_of(context, instances))
        return view

    async def _nodes(self, fields: Sequence[str], condition: Filter | None) -> Table:
        columns = node.NODES
        reports = await self._reports.fresh() if columns.need_live(fields, condition) else {}
        state = self.state
        rows = node.rows(View(state, reports=reports), state.nodes)
        return await self.turns.take(columns.steps(rows, fields, condition))

    async def _groups(self, fields: Sequence[str], condition: Filter | None) -> Table:
        rows = group.rows(View(self.state), self.state.groups)
        return await self.turns.take(group.GROUPS.steps(rows, fields, condition))

    async def _networks(self, fields: Sequence[str], condition: Filter | None) -> Table:
        rows = network.rows(View(self.state), self.state.networks)
        return await self.turns.take(network.NETWORKS.steps(rows, fields, condition))

    async def _jobs(self, fields: Sequence[str], condition: Filter | None) -> Table:
        queue = self._executor.queue
        rows = [job.JobRow(tracked.job, tracked.log) for tracked in queue]
        if "archived" in {*fields, *(condition.fields if condition else ())}:
            rows += [job.JobRow(archived, [], archived=True) for archived in queue.archived()]
            rows.sort(key=lambda row: row.job.id)
        return await self.turns.take(job.JOBS.steps(rows, fields, condition))

    async def _locks(self, fields: Sequence[str], condition: Filter | None) -> Table:
        return await self.turns.take(LOCKS.steps(self._services.locks.status(), fields, condition))

    async def _filters(self, fields: Sequence[str], condition: Filter | None) -> Table:
        rows = sorted(self.state.all_of(JobFilter), key=lambda row: row.rank)
        return await self.turns.take(FILTERS.steps(rows, fields, condition))

    async def _cluster(self, fields: Sequence[str], condition: Filter | None) -> Table:
        known = describe(self.state)
        renamed = {
            "cluster_name": known["name"],
            "master_node": known["master"],
            "drain_flag": self.state.cluster.drained_queue,
        }
        return await self.turns.take(CLUSTER.steps([{**known, **renamed, **self._mastership()}], fields, condition))

    async def _providers(self, fields: Sequence[str], condition: Filter | None) -> Table:
        return await self.turns.take(
            PROVIDERS.steps(await provider_rows(CheckContext(self._services)), fields, condition)
        )

    async def _storage_providers(self, fields: Sequence[str], condition: Filter | None) -> Table:
        rows = await storage_provider_rows(CheckContext(self._services))
        return await self.turns.take(STORAGE_PROVIDERS.steps(rows, fields, condition))

    async def _exports(self, fields: Sequence[str], condition: Filter | None) -> Table:
        rows = await export_rows(CheckContext(self._services))
        return await self.turns.take(EXPORTS.steps(rows, fields, condition))

    async def _guests(self, state: State) -> dict[str, Any]:
        """The guests of every node, from its stream of events."""
        live = self._services.live
        followed = state.hosting_nodes
        await asyncio.gather(*(live.settled(n.uuid, _PATIENCE) for n in followed if not live.reachable(n.uuid)))
        return {n.uuid: live.guests_on(n.uuid) for n in followed}
