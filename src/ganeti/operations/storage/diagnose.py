# SPDX-License-Identifier: BSD-2-Clause
"""Show which providers of external storage the nodes have."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from ganeti.declare.parameter import param
from ganeti.declare.role import Role
from ganeti.declare.types import Names
from ganeti.errors import GanetiError
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.operation import JobOperation
from ganeti.query.extstorage import STORAGE_PROVIDERS, ExtStorageRow
from ganeti.rpc.contract.storage import DiagnoseStorage


class ExtStorageDiagnose(JobOperation[None], frozen=True, kw_only=True, tag="OP_EXT_STORAGE_DIAGNOSE"):
    """Show which providers of external storage the nodes have, and what is wrong with them."""

    role: ClassVar[Role] = Role.READ
    reads_only: ClassVar[bool] = True

    output_fields: Annotated[Names, param("Columns to return")]
    names: Annotated[Names, param("Storage providers to show; all if empty")] = []

    async def check(self, cluster: CheckContext) -> None:
        del cluster

    async def run(self, cluster: RunContext, plan: None) -> list[list[Any]]:
        del plan
        rows = await storage_provider_rows(cluster)
        chosen = [row for row in rows if not self.names or row.name in self.names]
        return STORAGE_PROVIDERS.query(chosen, self.output_fields).rows


async def storage_provider_rows(cluster: CheckContext) -> list[ExtStorageRow]:
    """A row for each name that any node has; nodes that don't answer are left out."""
    answers = await cluster.call_all(cluster.state.hosting_nodes, DiagnoseStorage())
    found = {node: answer for node, answer in answers.items() if not isinstance(answer, GanetiError)}
    names = sorted({provider.name for providers in found.values() for provider in providers})
    return [
        ExtStorageRow(
            name,
            cluster.state,
            {node: tuple(one for one in providers if one.name == name) for node, providers in found.items()},
        )
        for name in names
    ]
