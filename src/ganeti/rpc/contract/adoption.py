# SPDX-License-Identifier: BSD-2-Clause
"""Calls about existing volumes that become disks unchanged.

Before that they belong to nobody, or were disks of the same instance under another template.
"""

from __future__ import annotations

from msgspec import Struct

from ganeti.model.disk import Disk, DiskTemplate
from ganeti.model.guest import Peer
from ganeti.rpc.call import Call


class Offer(Struct, frozen=True):
    """``size`` is MiB, ``device`` identifies it whatever its name. ``problem``: why it cannot be a disk.

    ``spindles``: how many physical volumes it has to itself, if requested. ``pool``: the thin pool it is in.
    """

    size: int
    device: str
    problem: str = ""
    spindles: int = 0
    pool: str = ""


class ExamineOffers(Call[tuple[Offer, ...]], frozen=True, tag="adoption.examine"):
    """Examine what could become disks of a template: logical volumes as VG/LV, devices by their paths.

    ``exclusive``: volumes that share physical volumes cannot.
    """

    template: DiskTemplate
    sources: tuple[str, ...]
    exclusive: bool = False


class AdoptDisks(Call[None], frozen=True, tag="adoption.adopt"):
    """Turn each source into the disk at the same index, with unchanged content.

    One that already is that disk is fine.
    """

    disks: tuple[Disk, ...]
    sources: tuple[str, ...]
    peers: tuple[Peer, ...] = ()


class ReturnDisks(Call[None], frozen=True, tag="adoption.return"):
    """Undo ``AdoptDisks``: turn each disk back into its source, with its present content."""

    disks: tuple[Disk, ...]
    sources: tuple[str, ...]
    peers: tuple[Peer, ...] = ()
