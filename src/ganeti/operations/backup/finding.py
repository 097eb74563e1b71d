# SPDX-License-Identifier: BSD-2-Clause
"""The exports that nodes have."""

from __future__ import annotations

from collections.abc import Mapping

from ganeti.errors import GanetiError
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
        rows += [ExportRow(node, name) for name in answer.names]
        if answer.cut:
            rows.append(ExportRow(node, None))
    return rows


async def nodes_with(cluster: CheckContext, name: str) -> list[Node]:
    """Those that have an export of this name."""
    answers = (await exports_of(cluster)).items()
    return [
        cluster.state.find(Node, node)
        for node, answer in answers
        if not isinstance(answer, GanetiError) and name in answer.names
    ]
