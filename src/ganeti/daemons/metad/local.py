# SPDX-License-Identifier: BSD-2-Clause
"""What root may ask the metadata daemon of its machine (gnt-debug(8), "metad")."""

from __future__ import annotations

from collections.abc import Mapping

from ganeti.daemons.metad.guests import Guests
from ganeti.daemons.metad.mailbox import CAPACITY, Mail
from ganeti.declare.types import Name, Text
from ganeti.errors import UnknownEntity, WrongInput, WrongState
from ganeti.luxi.server import Method
from ganeti.luxi.signature import typed


def methods(guests: Guests) -> Mapping[str, Method]:
    async def echo(text: Text) -> str:
        return text

    async def listed() -> list[tuple[str, str, str]]:
        """Instance, tap and address, of each card that is answered."""
        return [(told.name, one.device, one.address) for told in guests.known for one in told.connections]

    async def read(instance: Name) -> str:
        """What a guest has written."""
        return _mail(guests, instance).from_guest.take().decode(errors="replace")

    async def write(instance: Name, text: Text) -> None:
        """Have something for a guest to read."""
        if not _mail(guests, instance).to_guest.put(text.encode()):
            raise WrongState(f"{instance} has not read what was written before; at most {CAPACITY} bytes can wait")

    table: dict[str, Method] = {"echo": echo, "list": listed, "read": read, "write": write}
    return {name: typed(method, name) for name, method in table.items()}


def _mail(guests: Guests, instance: str) -> Mail:
    found = guests.named(instance)
    if len(found) > 1:
        names = ", ".join(sorted(guest.name for guest in found))
        raise WrongInput(f"Instance '{instance}' can be any of: {names}")
    mail = guests.mail_of(found[0]) if found else None
    if mail is None:
        raise UnknownEntity(f"No guest of instance '{instance}' that communicates runs on this node")
    return mail
