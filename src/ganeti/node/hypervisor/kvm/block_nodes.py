# SPDX-License-Identifier: BSD-2-Clause
"""What is behind the devices of disks: QEMU's block nodes.

The first one of a disk is called as its device. One that its content is moved to needs another name: both are there
for a while.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ganeti.node.hypervisor.kvm.machine import Machine


def names(device: str) -> tuple[str, str]:
    """Those that the block node behind a device can have."""
    return device, f"{device}-2"


async def in_use(machine: Machine) -> set[str]:
    """The names of those that devices use."""
    found = await machine.execute("query-block")
    return {block["inserted"].get("node-name", "") for block in found if "inserted" in block}


async def present(machine: Machine) -> list[str]:
    return [node["node-name"] for node in await machine.execute("query-named-block-nodes", flat=True)]


async def behind(machine: Machine, device: str) -> str:
    """The name of the one behind a device, or what was behind it until it was unplugged."""
    used, there = await in_use(machine), await present(machine)
    candidates = [*(name for name in names(device) if name in used), *(name for name in names(device) if name in there)]
    return (*candidates, device)[0]
