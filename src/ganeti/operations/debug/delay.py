# SPDX-License-Identifier: BSD-2-Clause
"""Sleep for a while, to test the job queue and its locks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from ganeti.declare.command import Argument, Command, Option
from ganeti.declare.parameter import param
from ganeti.declare.role import Role
from ganeti.declare.text import parse_number
from ganeti.declare.types import Duration, Names, NonNegative
from ganeti.host.gathering import gather
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.lockset import LockSet, exclusive
from ganeti.jobs.operation import JobOperation
from ganeti.model.kind import Kind
from ganeti.model.node import Node
from ganeti.model.state import State
from ganeti.rpc.contract.node import DelayNode


def _parameters(values: Mapping[str, Any]) -> dict[str, Any]:
    """From the command line, where locks are taken by default."""
    duration = parse_number(values["duration"], "<duration>", kind=float)
    return {**values, "duration": duration, "no_locks": bool(values.get("no_locks"))}


class DebugDelay(JobOperation[tuple[Node, ...]], frozen=True, kw_only=True, tag="OP_TEST_DELAY"):
    """Sleep for a while, to test the job queue and its locks."""

    role: ClassVar[Role] = Role.ADMIN
    subject: ClassVar[str | None] = "duration"
    commands: ClassVar[tuple[Command, ...]] = (
        Command(
            "gnt-debug",
            "delay",
            arguments=(Argument("duration", "Seconds to wait"),),
            options=(
                Option(
                    ("-n",),
                    "Wait on this node too; may be repeated",
                    metavar="NODE",
                    name="on_nodes",
                    repeat=True,
                    completes="node",
                ),
                Option(("-l", "--no-locks"), "Take no node locks", kind="flag"),
            ),
            compose=_parameters,
        ),
    )

    duration: Annotated[Duration, param("Seconds to wait")]
    on_master: Annotated[
        bool, param("Wait in the master daemon", "--no-master", off="Do not wait in the master daemon")
    ] = True
    on_nodes: Annotated[Names, param("Nodes to wait on")] = []
    on_node_uuids: Annotated[Names | None, param("UUIDs of the nodes to wait on, used instead of the names")] = None
    repeat: Annotated[NonNegative, param("Number of repetitions after the first run", "-r", "--repeat")] = 0
    interruptible: Annotated[
        bool, param("Let the delay be interrupted", "-i", "--interruptible", accepted="it always can be")
    ] = False
    no_locks: Annotated[bool, param("Take no node locks")] = True

    def locks(self, state: State) -> LockSet:
        return LockSet() if self.no_locks else exclusive(Kind.NODE, *(node.name for node in self._nodes(state)))

    async def check(self, cluster: CheckContext) -> tuple[Node, ...]:
        return tuple(self._nodes(cluster.state))

    async def run(self, cluster: RunContext, plan: tuple[Node, ...]) -> None:
        import asyncio  # noqa: PLC0415 - slow to import for a command

        for turn in range(self.repeat + 1):
            if self.repeat:
                cluster.log(f"Test delay iteration {turn}/{self.repeat}")
            waits = [cluster.call(node, DelayNode(seconds=self.duration)) for node in plan]
            if self.on_master and self.duration:
                waits.append(asyncio.sleep(self.duration))
            await gather(*waits)

    def _nodes(self, state: State) -> list[Node]:
        return [state.find(Node, name) for name in self.on_node_uuids or self.on_nodes]
