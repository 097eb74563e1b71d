# SPDX-License-Identifier: BSD-2-Clause
"""Calls to two nodes, or to one, that copy the content of a disk to another disk.

Both disks are held for their node's own use meanwhile.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from ganeti.model.compression import Compression
from ganeti.model.disk import Disk
from ganeti.model.guest import Peer
from ganeti.rpc.call import Call

# The name of a key for a move between clusters, which is that of its file.
KeyName = Annotated[str, Meta(pattern=r"^move-[0-9a-f]{32}\Z")]
COPYING = 7 * 24 * 3600.0  # seconds


class Party(Struct, frozen=True):
    """The node at the other end. ``certificates``: the fingerprints of those that it may present; any if empty."""

    name: str
    certificates: tuple[str, ...] = ()


class Crossing(Struct, frozen=True):
    """For a copy between nodes of two clusters.

    ``key``: the name of this node's key; ``certificate``: what the other one must present (PEM); ``magic``: what the
    sender says first; ``wait``: seconds for it to connect.
    """

    key: KeyName
    certificate: str
    magic: str
    wait: float = 0.0


class AwaitCopy(Call[int], frozen=True, tag="copying.await"):
    """Listen at ``address`` for one connection from ``sender``, and write its data to a disk; returns the port.

    The old content of the disk is lost. It gives up if the sender does not connect within a minute, or sends nothing
    for long. If it comes from another cluster, ``AwaitArrival`` says how it went.
    """

    disk: Disk
    sender: Party
    address: str
    peers: tuple[Peer, ...] = ()
    crossing: Crossing | None = None
    patience = 120.0


class SendCopy(Call[None], frozen=True, tag="copying.send"):
    """Send a whole disk to the node that waits for it; when this returns, it has been written there.

    To another cluster, it belongs to an instance there then: whatever is raised, it does not, or it is not started.
    """

    disk: Disk
    receiver: Party
    address: str
    port: int
    peers: tuple[Peer, ...] = ()
    compress: Compression = "none"
    crossing: Crossing | None = None
    patience = COPYING
