# SPDX-License-Identifier: BSD-2-Clause
"""Simulated copying of disks."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field

from ganeti.errors import NodeUnreachable
from ganeti.rpc.contract.copying import Compression, Party

_FIRST = 1830


@dataclass(frozen=True, slots=True)
class PaperCopies:
    """Of a cluster: receivers by port, and what was copied from where to where: (node, path)."""

    waiting: MutableMapping[int, tuple[str, str]] = field(default_factory=dict)
    made: list[tuple[tuple[str, str], tuple[str, str]]] = field(default_factory=list)
    compressed: set[Compression] = field(default_factory=set)  # options used


class PaperChannel:
    """That of the node ``name``."""

    def __init__(self, name: str, copies: PaperCopies) -> None:
        self._name = name
        self._copies = copies

    async def listen(self, disk: str, path: str, sender: Party, address: str, *, blank: bool = False) -> int:
        del disk, sender, address, blank
        port = _FIRST + len(self._copies.waiting)
        self._copies.waiting[port] = (self._name, path)
        return port

    async def give_up(self, disk: str) -> None:
        pass

    async def send(
        self,
        path: str,
        receiver: Party,
        address: str,
        port: int,
        progress: Callable[[int, int], None],
        *,
        compress: Compression = "none",
    ) -> None:
        del address
        self._copies.compressed.add(compress)
        node, target = self._copies.waiting.get(port, ("", ""))
        if node != receiver.name:
            raise NodeUnreachable(f"Node {receiver.name} does not wait for a copy")
        progress(1, 1)
        self._copies.made.append(((self._name, path), (node, target)))
