# SPDX-License-Identifier: BSD-2-Clause
"""A device of a guest, as an argument of QEMU's ``device_add`` and of its command line."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ganeti.model.disk import Disk
from ganeti.model.guest import GuestNic
from ganeti.model.layout import Layout

Device = dict[str, Any]


def device(driver: str, *options: Mapping[str, Any]) -> Device:
    """With all options, in this order."""
    made: Device = {"driver": driver}
    for some in options:
        made |= some
    return made


def option(made: Mapping[str, Any], flag: str = "-device") -> list[str]:
    """For the command line, where the first value, the type of the device, has no key."""
    kind, *rest = made.items()
    return [flag, ",".join([_text(kind[1]), *(f"{name}={_text(value)}" for name, value in rest)])]


def disk_name(disk: Disk) -> str:
    """QEMU's name for a disk, on both ends of a migration; at most 31 characters."""
    return f"disk-{disk.uuid.replace('-', '')[:12]}"


def card_name(nic: GuestNic) -> str:
    """QEMU's name for a NIC, and for its backend."""
    return f"nic-{nic.uuid.replace('-', '')[:12]}"


def places_kept(layout: Layout, present: Collection[str]) -> dict[str, str]:
    """The places of all devices except disks and NICs that are not ``present``, by the names of the devices."""
    return {name: p for name, p in layout.places.items() if name in present or not name.startswith(("disk-", "nic-"))}


def _text(value: object) -> str:
    return ("on" if value else "off") if isinstance(value, bool) else str(value)
