# SPDX-License-Identifier: BSD-2-Clause
"""The status of the disks of many instances, with one call to each node."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ganeti.errors import GanetiError
from ganeti.jobs.context import CheckContext
from ganeti.model.disk import Disk
from ganeti.model.guest import disks_of, peers_of
from ganeti.model.instance import Instance
from ganeti.model.node import Node
from ganeti.rpc.contract.storage import DiskStatus, ExamineDisks

Statuses = Mapping[tuple[str, str], DiskStatus]  # by UUIDs of the node and the disk


@dataclass(frozen=True, slots=True)
class Examination:
    """``silent``: why nodes that are not marked offline did not answer, by name."""

    statuses: Statuses
    silent: Mapping[str, str]


async def examine_all(cluster: CheckContext, instances: Iterable[Instance]) -> Examination:
    """One call to each node that has disks of the instances and is not marked offline.

    Of those that are forthcoming none has any.
    """
    state = cluster.state
    by_node: defaultdict[str, list[Disk]] = defaultdict(list)
    for instance in instances:
        for uuid in instance.nodes if instance.disks and not instance.forthcoming else ():
            by_node[uuid] += disks_of(state, instance)
    asked = [(state.get(Node, uuid), disks) for uuid, disks in by_node.items()]
    calls = [(n, ExamineDisks(disks=tuple(d), peers=peers_of(state, d))) for n, d in asked if not n.offline]
    answers = await cluster.call_each(calls)
    told = {name: answer for name, answer in answers.items() if not isinstance(answer, GanetiError)}
    return Examination(
        {(state.find(Node, name).uuid, status.uuid): status for name, some in told.items() for status in some},
        {name: answer.message for name, answer in answers.items() if isinstance(answer, GanetiError)},
    )
