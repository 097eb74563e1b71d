# SPDX-License-Identifier: BSD-2-Clause
"""Calls to two nodes, or to one, that copy the content of a disk to another disk.

Both disks are held for their node's own use meanwhile.
"""

from __future__ import annotations

from msgspec import Struct

from ganeti.model.compression import Compression
from ganeti.model.disk import Disk
from ganeti.model.guest import Peer
from ganeti.rpc.call import Call

COPYING = 7 * 24 * 3600.0  # seconds


class Party(Struct, frozen=True):
    """The node at the other end. ``certificates``: the fingerprints of those that it may present; any if empty."""

    name: str
    certificates: tuple[str, ...] = ()


class AwaitCopy(Call[int], frozen=True, tag="copying.await"):
    """Listen at ``address`` for one connection from ``sender``, and write its data to a disk; returns the port.

    The old content of the disk is lost. It gives up if the sender does not connect within a minute, or sends nothing
    for long.
    """

    disk: Disk
    sender: Party
    address: str
    peers: tuple[Peer, ...] = ()
    patience = 120.0


class SendCopy(Call[None], frozen=True, tag="copying.send"):
    """Send a whole disk to the node that waits for it; when this returns, it has been written there."""

    disk: Disk
    receiver: Party
    address: str
    port: int
    peers: tuple[Peer, ...] = ()
    compress: Compression = "none"
    patience = COPYING
