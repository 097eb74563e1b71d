# SPDX-License-Identifier: BSD-2-Clause
"""What the master asks of two nodes, or of one, to have the content of a disk copied to another disk.

Both disks are held for their node's own use meanwhile.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from ganeti.model.disk import Disk
from ganeti.model.guest import Peer
from ganeti.rpc.call import Call

# How what is sent is compressed, from what costs the least to what is the smallest.
Compression = Literal["none", "gzip-fast", "gzip", "gzip-slow"]

_COPYING = 7 * 24 * 3600.0  # seconds


class Party(Struct, frozen=True):
    """The node at the other end. ``certificates``: the fingerprints of those that it may show; any if empty."""

    name: str
    certificates: tuple[str, ...] = ()


class AwaitCopy(Call[int], frozen=True, tag="copying.await"):
    """Take one connection of ``sender`` at ``address``, and write what it sends to a disk; the port, when it waits.

    What was on the disk is gone then. Nobody who connects within a minute, or who sends nothing for long, is waited
    for.
    """

    disk: Disk
    sender: Party
    address: str
    peers: tuple[Peer, ...] = ()
    patience = 120.0


class SendCopy(Call[None], frozen=True, tag="copying.send"):
    """Send all of a disk to the node that waits for it; when this returns it has been written there."""

    disk: Disk
    receiver: Party
    address: str
    port: int
    peers: tuple[Peer, ...] = ()
    compress: Compression = "none"
    patience = _COPYING
