# SPDX-License-Identifier: BSD-2-Clause
"""Describe how to connect to an instance's console."""

from __future__ import annotations

from typing import Any, ClassVar

from ganeti.declare.route import Route
from ganeti.errors import Unavailable
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.model.guest import Guest, guest_of
from ganeti.model.node import Node
from ganeti.operations.instance.subject import InstanceOperation, online, primary_of
from ganeti.rpc.contract import instance as contract


class InstanceConsole(InstanceOperation[tuple[Node, Guest]], frozen=True, kw_only=True, tag="OP_INSTANCE_CONSOLE"):
    """Describe how to connect to an instance's console."""

    reads_only: ClassVar[bool] = True
    routes: ClassVar[tuple[Route, ...]] = (Route("GET", "/instances/{instance_name}/console", at_once=True),)

    async def check(self, cluster: CheckContext) -> tuple[Node, Guest]:
        instance = self.instance(cluster.state)
        node = online(primary_of(cluster.state, instance))
        found = await cluster.call(node, contract.DescribeGuest(name=instance.name, hypervisor=instance.hypervisor))
        if found is None or not found.state.runs:
            raise Unavailable(f"Instance {instance.name} is not running, so it has no console")
        return node, guest_of(cluster.state, instance)

    async def run(self, cluster: RunContext, plan: tuple[Node, Guest]) -> dict[str, Any]:
        node, guest = plan
        access = await cluster.call(node, contract.OpenConsole(guest=guest))
        ssh = access.kind == "ssh"
        ssh_port = cluster.state.node_parameters(node).ssh_port if ssh else None
        return {
            "instance": guest.name,
            "kind": access.kind,
            "message": access.message or None,
            "host": access.host or node.primary_ip,
            "port": access.port or ssh_port,
            "user": "root" if ssh else None,
            "command": list(access.command) or None,
            "display": None,
            **access.details,
        }
