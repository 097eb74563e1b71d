# SPDX-License-Identifier: BSD-2-Clause
"""Network cards of a guest, as QEMU's options."""

from __future__ import annotations

from ganeti.model.parameters.hypervisor import KvmParameters
from ganeti.node.hypervisor.kvm.board import Board
from ganeti.node.hypervisor.kvm.plan import LaunchPlan, refused
from ganeti.node.network.driver import Tap, TapOptions

_EXPRESS_CARDS = {"e1000e"}


def tap_options(wanted: KvmParameters) -> TapOptions:
    """How the taps of a guest must be made."""
    return TapOptions(wanted.virtio_net_queues, headers=wanted.vnet_hdr and wanted.nic_type == "paravirtual")


def network_cards(plan: LaunchPlan, board: Board) -> list[str]:
    if plan.parameters.boot_order == "network" and not plan.parameters.kernel_path and not plan.resources.taps:
        raise refused("boot_order", "'network' needs a network card")
    return [word for tap in plan.resources.taps for word in _card(plan, board, tap)]


def _card(plan: LaunchPlan, board: Board, tap: Tap) -> list[str]:
    wanted = plan.parameters
    name = f"nic-{tap.nic.uuid.replace('-', '')[:12]}"
    queues = len(tap.descriptors)
    numbers = ":".join(map(str, tap.descriptors))
    netdev = f"tap,id={name},{'fd' if queues == 1 else 'fds'}={numbers}"
    if wanted.nic_type == "paravirtual":
        vhost = wanted.vhost_net and plan.qemu.vhost_net
        netdev += f",vhost={'on' if vhost else 'off'}"
        # A vector for each queue's two directions, one for control, one for changes.
        many = f",mq=on,vectors={2 * queues + 2}" if queues > 1 else ""
        device = f"virtio-net-pci,{board.express()}{many}"
    else:
        place = board.express() if wanted.nic_type in _EXPRESS_CARDS else board.conventional()
        device = f"{wanted.nic_type},{place}"
    boots = wanted.boot_order == "network" and not wanted.kernel_path
    # Without a boot ROM both ends of a migration are alike, whatever version of it they have.
    rom = f",bootindex={plan.resources.taps.index(tap) + 1}" if boots else ",romfile="
    return ["-netdev", netdev, "-device", f"{device},netdev={name},id={name},mac={tap.nic.mac}{rom}"]
