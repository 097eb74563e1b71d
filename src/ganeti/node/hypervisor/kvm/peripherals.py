# SPDX-License-Identifier: BSD-2-Clause
"""USB, sound, random numbers and the guest agent, as QEMU's options."""

from __future__ import annotations

import re

from ganeti.node.hypervisor.kvm.board import Board
from ganeti.node.hypervisor.kvm.devices import device, option
from ganeti.node.hypervisor.kvm.plan import LaunchPlan, refused

AGENT = "agent0"
AGENT_SOCKET = "agent"

_USB = {
    "tablet": "usb-tablet",
    "mouse": "usb-mouse",
    "keyboard": "usb-kbd",
    "wacom-tablet": "usb-wacom-tablet",
}
_USB_BY_PLACE = re.compile(r"^host:(\d+)\.(\d+)\Z")
_USB_BY_KIND = re.compile(r"^host:([0-9a-fA-F]{1,4}):([0-9a-fA-F]{1,4})\Z")

# PCI devices get a place on the bus; pcspk is a part of the board.
_SOUND_ON_PCI = {"ac97": "AC97", "es1370": "ES1370", "hda": "intel-hda"}
_SOUND_ON_ISA = {"sb16": "sb16", "adlib": "adlib", "cs4231a": "cs4231a", "gus": "gus"}


def usb(plan: LaunchPlan, board: Board) -> list[str]:
    wanted = plan.parameters
    names = [name for name in re.split(r"[ ,]+", wanted.usb_devices) if name]
    devices = [_usb_device(name) for name in names]
    # VNC sends absolute positions, and a mouse only movements.
    if pointer := wanted.usb_mouse or ("tablet" if wanted.vnc_bind_address else ""):
        devices.append(_USB[pointer])
    if not devices:
        return []
    controller = option(device("qemu-xhci", {"id": "usb0"}, board.express("usb0")))
    return controller + [word for device in devices for word in ("-device", f"{device},bus=usb0.0")]


def sound(plan: LaunchPlan, board: Board) -> list[str]:
    names = [name for name in plan.parameters.soundhw.split(",") if name]
    if names == ["all"]:
        names = [*_SOUND_ON_PCI, *_SOUND_ON_ISA]
    if not names:
        return []
    found = ["-audiodev", "spice,id=audio0" if plan.parameters.spice_bind else "none,id=audio0"]
    for name in names:
        found += _sound_card(name, board)
    return found


def random_numbers(plan: LaunchPlan, board: Board) -> list[str]:
    """Those of the node's kernel; so few a second that no guest keeps it busy with them."""
    if not plan.parameters.virtio_rng:
        return []
    rate = {"max-bytes": 1024, "period": 1000}  # period in ms
    card = device("virtio-rng-pci", {"id": "rng0", "rng": "random0"}, rate, board.express("rng0"))
    return ["-object", "rng-builtin,id=random0", *option(card)]


def guest_agent(plan: LaunchPlan, board: Board) -> list[str]:
    if not plan.parameters.use_guest_agent:
        return []
    return [
        "-chardev",
        f"socket,id={AGENT},path={AGENT_SOCKET},server=on,wait=off",
        "-device",
        f"virtserialport,bus={board.serial_bus()},chardev={AGENT},name=org.qemu.guest_agent.0",
    ]


def _usb_device(name: str) -> str:
    if name in _USB:
        return _USB[name]
    if match := _USB_BY_PLACE.match(name):
        return f"usb-host,hostbus={match[1]},hostaddr={match[2]}"
    if match := _USB_BY_KIND.match(name):
        return f"usb-host,vendorid=0x{match[1]},productid=0x{match[2]}"
    raise refused(
        "usb_devices",
        f"'{name}' is not known; choose from {', '.join(_USB)}, host:BUS.ADDRESS and host:VENDOR:PRODUCT",
    )


def _sound_card(name: str, board: Board) -> list[str]:
    if name in _SOUND_ON_PCI:
        card = device(_SOUND_ON_PCI[name], board.conventional(name))
        if name == "hda":
            return [*option(card | {"id": "hda0"}), "-device", "hda-duplex,bus=hda0.0,audiodev=audio0"]
        return option(card | {"audiodev": "audio0"})
    return ["-device", f"{_SOUND_ON_ISA[name]},audiodev=audio0"]
