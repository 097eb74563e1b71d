# SPDX-License-Identifier: BSD-2-Clause
"""Switch the power of nodes, or query their status, by out-of-band programs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta, Struct

from ganeti.declare.field import ValueStatus
from ganeti.declare.parameter import param
from ganeti.declare.role import Role
from ganeti.declare.types import MOST_KINDS, MOST_SECONDS, Duration, Name, Names
from ganeti.errors import ExecutionFailed, GanetiError, UnknownEntity, WrongInput, WrongState
from ganeti.host.gathering import gather
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.lockset import LockSet, exclusive
from ganeti.jobs.operation import JobOperation
from ganeti.jobs.preview import Preview
from ganeti.model.entity import evolve
from ganeti.model.kind import Kind
from ganeti.model.node import Node
from ganeti.model.state import State
from ganeti.operations.node.emptying import running
from ganeti.rpc.contract.power import OobCommand, RunOob
from ganeti.rpc.contract.verify import FindPrograms

# Programs that run concurrently.
AT_ONCE = 16
_SWITCHES = ("power-on", "power-off", "power-cycle")
# The power state recorded for the node afterwards.
_RECORDED = {"power-on": True, "power-off": False}
_DOING = {"power-on": "switch on", "power-off": "switch off", "power-cycle": "switch off and on again"}
_ON = {True: "on", False: "off"}


class PowerStatus(Struct, frozen=True):
    """What a program prints for ``power-status``."""

    powered: bool


_Item = tuple[Name, Literal["OK", "WARNING", "CRITICAL", "UNKNOWN"]]
_Health = Annotated[list[_Item], Meta(max_length=10 * MOST_KINDS)]


@dataclass(frozen=True, slots=True)
class Target:
    node: Node
    program: str


# The status of a query result, and the value.
Cell = list[Any]


class NodeOob(JobOperation[list[Target]], frozen=True, kw_only=True, tag="OP_OOB_COMMAND"):
    """Switch the power of nodes on or off, or ask how they are, by their out-of-band programs."""

    role: ClassVar[Role] = Role.ADMIN

    command: Annotated[OobCommand, param("What the programs are to do")]
    node_names: Annotated[
        Names, param("Nodes; if none is named, all that have an out-of-band program, unless it switches them off")
    ] = []
    node_uuids: Annotated[Names | None, param("UUIDs of the nodes; they count more than the names")] = None
    timeout: Annotated[
        Annotated[int, Meta(ge=1, le=MOST_SECONDS)], param("Seconds that the program gets for each node")
    ] = 60
    ignore_status: Annotated[bool, param("Switch off nodes that are not marked offline, too")] = False
    power_delay: Annotated[Duration, param("Seconds between switching on one node and the next")] = 2.0

    def locks(self, state: State) -> LockSet:
        if self.command not in _SWITCHES:
            return LockSet()
        return exclusive(Kind.NODE, *(target.node.name for target in self._targets(state)))

    async def check(self, cluster: CheckContext) -> list[Target]:
        state = cluster.state
        targets = self._targets(state)
        if self.command in ("power-off", "power-cycle"):
            if not (self.node_names or self.node_uuids):
                raise WrongInput(f"Parameter 'node_names': '{self.command}' is done to named nodes, never to all")
            self._ensure_may_lose_power(state, targets)
        if not targets:
            raise UnknownEntity(
                "No node has an out-of-band program; 'gnt-cluster modify --node-parameters oob_program=/PATH' sets one"
            )
        if self.dry_run:
            await _ensure_programs(cluster, targets)
        return targets

    def preview(self, state: State, plan: list[Target]) -> Preview:
        doing = _DOING.get(self.command)
        if doing is None:
            return Preview()
        changes = tuple(f"{doing} {target.node.name} by {target.program}" for target in plan)
        if self.command == "power-on":
            return Preview(changes, f"{self.power_delay:g} seconds between one node and the next")
        ended = {target.node.name: ", ".join(running(state, target.node)) for target in plan}
        lost = (f"{names} should run on {node}, and would end at once" for node, names in ended.items() if names)
        return Preview(changes, risks=(*lost, "a node whose program fails keeps its power"))

    async def run(self, cluster: RunContext, plan: list[Target]) -> list[list[Cell]]:
        """In Ganeti's shape: a row for each node, with its name and the program's output, each with a status."""
        return await (self._one_after_the_other if self.command == "power-on" else self._at_once)(cluster, plan)

    def _targets(self, state: State) -> list[Target]:
        """Raises UnknownEntity, or WrongState naming those of the given nodes that have no program."""
        named = state.find_several(Node, self.node_uuids or self.node_names)
        nodes = named or state.nodes
        targets = [Target(node, state.node_parameters(node).oob_program) for node in nodes]
        lacking = [target.node.name for target in targets if not target.program]
        if named and lacking:
            raise WrongState(
                f"There is no out-of-band program for {', '.join(lacking)}; "
                f"'gnt-node modify --node-parameters oob_program=/PATH NODE' sets one"
            )
        return [target for target in targets if target.program]

    def _ensure_may_lose_power(self, state: State, targets: list[Target]) -> None:
        problems = []
        for node, program in ((target.node, target.program) for target in targets):
            if node.uuid == state.cluster.master_node:
                problems.append(refusal_of_master(node.name, program, self.command))
            elif self.command == "power-off" and not (node.offline or self.ignore_status):
                problems.append(
                    f"{node.name} is not marked offline; do that first ('gnt-node modify -O yes {node.name}'), or "
                    "switch it off with --ignore-status"
                )
        if problems:
            raise WrongState("\n".join(problems))

    async def _one_after_the_other(self, cluster: RunContext, targets: list[Target]) -> list[list[Cell]]:
        """With a delay between nodes, so that no fuse of a rack blows."""
        import asyncio  # noqa: PLC0415 - slow to import for a command

        rows = []
        for index, target in enumerate(targets):
            if index and self.power_delay:
                await asyncio.sleep(self.power_delay)
            rows.append(await self._row(cluster, target))
        return rows

    async def _at_once(self, cluster: RunContext, targets: list[Target]) -> list[list[Cell]]:
        import asyncio  # noqa: PLC0415 - slow to import for a command

        turns = asyncio.Semaphore(AT_ONCE)

        async def one(target: Target) -> list[Cell]:
            async with turns:
                return await self._row(cluster, target)

        return await gather(*(one(target) for target in targets))

    async def _row(self, cluster: RunContext, target: Target) -> list[Cell]:
        """Run the program for one node; its failure does not affect the others."""
        node = target.node
        try:
            value = await self._asked(cluster, target)
        except GanetiError as error:
            cluster.warn(f"{self.command} of {node.name} failed: {error.message}")
            return [[ValueStatus.NORMAL, node.name], [ValueStatus.NO_DATA, None]]
        if self.command in _RECORDED:
            await _record(cluster, node, powered=_RECORDED[self.command])
        return [[ValueStatus.NORMAL, node.name], [ValueStatus.NORMAL, value]]

    async def _asked(self, cluster: RunContext, target: Target) -> Any:
        """The program's output for a node, if its command has any."""
        node = target.node
        call = RunOob(program=target.program, command=self.command, node=node.name, seconds=self.timeout)
        output = await cluster.call(cluster.state.master, call)
        read = _READERS.get(self.command)
        try:
            return await read(cluster, node, output) if read else None
        except msgspec.MsgspecError as error:
            raise ExecutionFailed(f"What '{target.program}' prints for '{self.command}' is wrong: {error}") from None


def refusal_of_master(name: str, program: str, command: str) -> str:
    return (
        f"{name} is the master, which does not switch itself off; make another node the master "
        f"('gnt-cluster master-failover' there), or, if you must: {program} {command} {name}"
    )


async def _ensure_programs(cluster: CheckContext, targets: list[Target]) -> None:
    """Raise WrongState for programs that the master does not have."""
    programs = tuple(sorted({target.program for target in targets}))
    if problems := await cluster.call(cluster.state.master, FindPrograms(programs=programs)):
        raise WrongState("\n".join(f"Parameter 'oob_program', on the master: {problem}" for problem in problems))


async def _record(cluster: RunContext, node: Node, *, powered: bool) -> None:
    present = cluster.state.get(Node, node.uuid)
    if present.powered != powered:
        await cluster.commit([evolve(present, powered=powered)])


async def _status(cluster: RunContext, node: Node, output: str) -> dict[str, bool]:
    found = msgspec.json.decode(output, type=PowerStatus).powered
    if found != node.powered:
        cluster.warn(
            f"{node.name} is {_ON[found]}, but recorded as {_ON[node.powered]}; "
            f"'gnt-node modify --node-powered {'yes' if found else 'no'} {node.name}' corrects that"
        )
    return {"powered": found}


async def _health(cluster: RunContext, node: Node, output: str) -> list[list[str]]:
    items = msgspec.json.decode(output, type=_Health)
    for item, status in items:
        if status in ("WARNING", "CRITICAL"):
            cluster.warn(f"{node.name}: {item} is {status}")
    return [[item, status] for item, status in items]


_READERS: dict[str, Callable[[RunContext, Node, str], Awaitable[Any]]] = {"power-status": _status, "health": _health}
