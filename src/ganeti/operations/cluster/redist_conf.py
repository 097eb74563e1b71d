# SPDX-License-Identifier: BSD-2-Clause
"""Give every node its part of the cluster's configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ganeti.declare.command import Command, Option
from ganeti.declare.route import Route
from ganeti.errors import GanetiError
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.lockset import LockSet, exclusive
from ganeti.jobs.operation import JobOperation
from ganeti.model.kind import Kind
from ganeti.model.state import State
from ganeti.operations.cluster.facts import hand_out
from ganeti.operations.node.candidates import catch_up
from ganeti.rpc.contract.node import SaveFiles

_SURE = Option(("--yes-do-it",), "Accepted for compatibility; nothing is asked", kind="flag")


def _without_it(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name != _SURE.dest}


class ClusterRedistConf(JobOperation[None], frozen=True, kw_only=True, tag="OP_CLUSTER_REDIST_CONF"):
    """Redistribute the configuration: ssconf files to all nodes, keys, users and replicas to all master candidates."""

    routes: ClassVar[tuple[Route, ...]] = (Route("PUT", "/redistribute-config"),)
    commands: ClassVar[tuple[Command, ...]] = (
        Command("gnt-cluster", "redist-conf", options=(_SURE,), compose=_without_it),
    )

    def locks(self, state: State) -> LockSet:
        del state
        return exclusive(Kind.CLUSTER, "candidates")

    async def check(self, cluster: CheckContext) -> None:
        pass

    async def run(self, cluster: RunContext, plan: None) -> None:
        del plan
        others = [node for node in cluster.state.candidates if node.uuid != cluster.state.cluster.master_node]
        saved = await cluster.call_all(others, SaveFiles(files=cluster.candidate_files))
        for name, answer in saved.items():
            if isinstance(answer, GanetiError):
                cluster.warn(f"The files of a master candidate could not be written on {name}: {answer.message}")
        for node in others:
            await catch_up(cluster, node)
        await hand_out(cluster)
