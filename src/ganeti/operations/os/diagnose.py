# SPDX-License-Identifier: BSD-2-Clause
"""Show which OS providers the nodes have."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from ganeti.declare.parameter import param
from ganeti.declare.role import Role
from ganeti.declare.types import Names
from ganeti.errors import GanetiError
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.operation import JobOperation
from ganeti.query.os import PROVIDERS, OsRow
from ganeti.rpc.contract.os import DiagnoseProviders, OsProvider


class OsDiagnose(JobOperation[None], frozen=True, kw_only=True, tag="OP_OS_DIAGNOSE"):
    """Show which OS providers the nodes have, and what is wrong with them."""

    role: ClassVar[Role] = Role.READ
    reads_only: ClassVar[bool] = True

    output_fields: Annotated[Names, param("Columns to return")]
    names: Annotated[Names, param("Operating systems to show; all if empty")] = []

    async def check(self, cluster: CheckContext) -> None:
        del cluster

    async def run(self, cluster: RunContext, plan: None) -> list[list[Any]]:
        del plan
        rows = await provider_rows(cluster)
        chosen = [row for row in rows if not self.names or row.name in self.names]
        table = PROVIDERS.query(chosen, self.output_fields)
        return table.rows


async def provider_rows(cluster: CheckContext) -> list[OsRow]:
    """A row for each name that any node has; nodes that don't answer are left out."""
    nodes = cluster.state.hosting_nodes
    answers = await cluster.call_all(nodes, DiagnoseProviders())
    found = {name: answer for name, answer in answers.items() if not isinstance(answer, GanetiError)}
    names = sorted({provider.name for providers in found.values() for provider in providers})
    return [
        OsRow(name, cluster.state, {node: _named(name, providers) for node, providers in found.items()})
        for name in names
    ]


def _named(name: str, providers: tuple[OsProvider, ...]) -> tuple[OsProvider, ...]:
    return tuple(provider for provider in providers if provider.name == name)
