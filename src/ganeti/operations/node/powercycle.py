# SPDX-License-Identifier: BSD-2-Clause
"""Reset a node whose node daemon can still be reached."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ganeti.declare.command import Command, Option
from ganeti.declare.parameter import param
from ganeti.declare.role import Role
from ganeti.declare.route import Route
from ganeti.errors import WrongState
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.preview import Preview
from ganeti.model.node import Node
from ganeti.model.state import State
from ganeti.operations.instance.subject import online
from ganeti.operations.node.emptying import running
from ganeti.operations.node.subject import NODE_ARGUMENT, NodeOperation
from ganeti.rpc.contract.power import ResetMachine


class NodePowercycle(NodeOperation[Node], frozen=True, kw_only=True, tag="OP_NODE_POWERCYCLE"):
    """Reset a node at once, as its reset button does; its instances end without being stopped."""

    role: ClassVar[Role] = Role.ADMIN
    routes: ClassVar[tuple[Route, ...]] = (Route("POST", "/nodes/{node_name}/powercycle", query={"force": "force"}),)
    commands: ClassVar[tuple[Command, ...]] = (
        Command(
            "gnt-node",
            "powercycle",
            arguments=(NODE_ARGUMENT,),
            options=(Option(("--yes",), "Do not ask for confirmation", kind="flag", name="confirm"),),
            question="Reset node {node_name} at once, whatever runs on it?",
            answered_by="confirm",
            usage="[--yes] [--force] <node-name>",
        ),
    )

    force: Annotated[bool, param("Reset the node even if it is the master", "-f", "--force")] = False

    async def check(self, cluster: CheckContext) -> Node:
        node = online(self.node(cluster.state))
        if node.uuid == cluster.state.cluster.master_node and not self.force:
            raise WrongState(f"{node.name} is the master; --force resets it anyway")
        return node

    def preview(self, state: State, plan: Node) -> Preview:
        guests = running(state, plan)
        killed = (f"kill the instances that run there: {', '.join(guests)}",) if guests else ()
        return Preview((f"reset node {plan.name} without shutting anything down", *killed))

    async def run(self, cluster: RunContext, plan: Node) -> str:
        seconds = await cluster.call(plan, ResetMachine())
        return f"Reset of {plan.name} in {seconds:.0f} seconds"
