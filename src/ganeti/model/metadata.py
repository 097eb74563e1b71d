# SPDX-License-Identifier: BSD-2-Clause
"""What a guest is told of itself by the metadata daemon of its node."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from ganeti.model.guest import Guest, GuestNic

Visibility = Literal["public", "private"]


class Connection(Struct, frozen=True):
    """The node's end of a card by which the guest asks: the name of its tap; the card's own address and MAC address."""

    device: str
    address: str
    mac: str


class Metadata(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Of a guest, as it was started. ``memory`` is MiB; ``osparams``: (value, whether others are shown it), by name.

    ``connections`` are its communication cards, ``nics`` the others.
    """

    uuid: str
    name: str
    os: str = ""
    vcpus: int
    memory: int
    osparams: dict[str, tuple[str, Visibility]] = {}
    connections: tuple[Connection, ...]
    nics: tuple[GuestNic, ...] = ()


def metadata_of(guest: Guest, connections: tuple[Connection, ...]) -> Metadata:
    """Secret OS parameters are never in a guest that is started."""
    return Metadata(
        uuid=guest.uuid,
        name=guest.name,
        os=guest.os,
        vcpus=guest.beparams.vcpus,
        memory=guest.beparams.maxmem,
        osparams={
            name: (value, "private" if name in guest.osparams_hidden else "public")
            for name, value in sorted(guest.osparams.items())
        },
        connections=connections,
        nics=tuple(nic for nic in guest.nics if not nic.communicates),
    )
