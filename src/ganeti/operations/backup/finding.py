# SPDX-License-Identifier: BSD-2-Clause
"""The exports that nodes have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ganeti.errors import GanetiError, UnknownEntity
from ganeti.jobs.context import CheckContext
from ganeti.model.node import Node
from ganeti.query.export import ExportRow
from ganeti.rpc.contract.backup import FoundExports, ListExports


async def exports_of(cluster: CheckContext) -> Mapping[str, FoundExports | GanetiError]:
    """Of each node that is not marked offline, by name."""
    nodes = [node for node in cluster.state.nodes if not node.offline]
    return await cluster.call_all(nodes, ListExports())


async def export_rows(cluster: CheckContext) -> list[ExportRow]:
    """A row for each export; one without a name for a node that does not answer, or has more than are told."""
    rows = []
    for node, answer in (await exports_of(cluster)).items():
        if isinstance(answer, GanetiError):
            rows.append(ExportRow(node, None))
            continue
        rows += [ExportRow(node, *found) for found in zip(answer.names, answer.times, answer.sizes, strict=True)]
        if answer.cut:
            rows.append(ExportRow(node, None))
    return rows


@dataclass(frozen=True, slots=True)
class Holders:
    """``nodes`` have an export; of others that is not known: ``offline`` ones are not asked, ``silent`` do not tell.

    ``silent``: why, by node.
    """

    nodes: tuple[Node, ...]
    offline: tuple[str, ...]
    silent: Mapping[str, str]

    @property
    def doubts(self) -> str:
        """A sentence on what is not known; empty if everything is."""
        told = [f"{node} is marked offline" for node in self.offline]
        told += [f"{node} does not tell: {why}" for node, why in self.silent.items()]
        return f"Whether others have one is not known: {'; '.join(told)}" if told else ""


async def holders_of(cluster: CheckContext, name: str) -> Holders:
    """Which nodes have an export of this name. Raises UnknownEntity if none is known to."""
    nodes, silent = list[Node](), dict[str, str]()
    for node, answer in (await exports_of(cluster)).items():
        if isinstance(answer, GanetiError):
            silent[node] = answer.message
        elif name in answer.names:
            nodes.append(cluster.state.find(Node, node))
        elif answer.cut:
            silent[node] = "it has more exports than it lists"
    found = Holders(tuple(nodes), tuple(node.name for node in cluster.state.nodes if node.offline), silent)
    if not nodes:
        raise UnknownEntity(
            f"No node that answers has an export of {name}; 'gnt-backup list' shows those that there are, by their "
            f"names in full{found.doubts and '. '}{found.doubts}"
        )
    return found
