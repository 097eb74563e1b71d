# SPDX-License-Identifier: BSD-2-Clause
"""NICs of a guest, as QEMU's options."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ganeti.model.guest import GuestNic
from ganeti.model.parameters.hypervisor import KvmParameters
from ganeti.node.hypervisor.kvm.board import Board
from ganeti.node.hypervisor.kvm.devices import Device, card_name, device, option
from ganeti.node.hypervisor.kvm.plan import LaunchPlan, refused
from ganeti.node.network.driver import Tap, TapOptions

_BACKEND = re.compile(r"tap,id=([^,]+),fds?=([\d:]+)")
_EXPRESS_CARDS = {"e1000e"}


def tap_options(wanted: KvmParameters) -> TapOptions:
    """How the taps of a guest must be created."""
    return TapOptions(wanted.virtio_net_queues, headers=wanted.vnet_hdr and wanted.nic_type == "paravirtual")


def network_cards(plan: LaunchPlan, board: Board) -> list[str]:
    if plan.parameters.boot_order == "network" and not plan.parameters.kernel_path and not plan.resources.taps:
        raise refused("boot_order", "'network' needs a network card")
    return [word for tap in plan.resources.taps for word in _words(plan, board, tap)]


def card(plan: LaunchPlan, board: Board, nic: GuestNic, queues: int) -> Device:
    """The NIC itself; ``queues``: the number of queues of its tap."""
    wanted = plan.parameters
    name = card_name(nic)
    last = {"netdev": name, "id": name, "mac": nic.mac}
    # Without a boot ROM both ends of a migration are identical, whatever ROM versions they have.
    last |= {} if _boots(wanted) else {"romfile": ""}
    if wanted.nic_type == "paravirtual":
        # A vector for each queue's two directions, one for control, one for changes.
        many = {"mq": True, "vectors": 2 * queues + 2} if queues > 1 else {}
        return device("virtio-net-pci", board.express(name), many, last)
    place = board.express(name) if wanted.nic_type in _EXPRESS_CARDS else board.conventional(name)
    return device(wanted.nic_type, place, last)


def connection(plan: LaunchPlan, tap: Tap, descriptors: Sequence[int | str]) -> Device:
    """Its backend on the node; ``descriptors``: those of the tap, by QEMU's names."""
    wanted = plan.parameters
    number = {"fd" if len(descriptors) == 1 else "fds": ":".join(map(str, descriptors))}
    vhost = {"vhost": wanted.vhost_net and plan.qemu.vhost_net} if wanted.nic_type == "paravirtual" else {}
    return {"type": "tap", "id": card_name(tap.nic), **number, **vhost}


def descriptors_of(pid: int) -> dict[str, list[int]]:
    """The descriptors of the taps that a QEMU was started with, by the names of the cards."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except OSError:
        return {}
    found = (_BACKEND.match(word) for word in words)
    return {match[1]: [int(number) for number in match[2].split(":")] for match in found if match}


def why_not_plugged(wanted: KvmParameters, board: Board) -> str:
    """Why NICs cannot be hotplugged; empty if they can."""
    if board.is_q35 and wanted.nic_type not in ("paravirtual", *_EXPRESS_CARDS):
        return f"cards of type {wanted.nic_type} are on the board of a q35 machine itself (nic_type)"
    return ""


def _words(plan: LaunchPlan, board: Board, tap: Tap) -> list[str]:
    place = plan.resources.taps.index(tap) + 1
    first = {"bootindex": place} if _boots(plan.parameters) else {}
    made = card(plan, board, tap.nic, len(tap.descriptors)) | first
    return [*option(connection(plan, tap, tap.descriptors), "-netdev"), *option(made)]


def _boots(wanted: KvmParameters) -> bool:
    return wanted.boot_order == "network" and not wanted.kernel_path
