# SPDX-License-Identifier: BSD-2-Clause
"""What the master asks of a node about volumes that are there already and become disks as they are.

They are of nobody until then, or have been disks of the same instance under another template.
"""

from __future__ import annotations

from msgspec import Struct

from ganeti.model.disk import Disk, DiskTemplate
from ganeti.model.guest import Peer
from ganeti.rpc.call import Call


class Offer(Struct, frozen=True):
    """``size`` is MiB, ``device`` what it is whatever name it is called by. ``problem``: why it cannot be a disk.

    ``spindles``: how many physical volumes it has for itself, if it was asked for. ``pool``: the thin pool it is in.
    """

    size: int
    device: str
    problem: str = ""
    spindles: int = 0
    pool: str = ""


class ExamineOffers(Call[tuple[Offer, ...]], frozen=True, tag="adoption.examine"):
    """What is there that could become disks of a template: logical volumes as VG/LV, devices by their paths.

    ``exclusive``: what shares physical volumes with anything cannot.
    """

    template: DiskTemplate
    sources: tuple[str, ...]
    exclusive: bool = False


class AdoptDisks(Call[None], frozen=True, tag="adoption.adopt"):
    """Make each of these the disk beside it; nothing on it changes. One that is that disk already is fine."""

    disks: tuple[Disk, ...]
    sources: tuple[str, ...]
    peers: tuple[Peer, ...] = ()


class ReturnDisks(Call[None], frozen=True, tag="adoption.return"):
    """Undo ``AdoptDisks``: each is what it was before, with what is on it now."""

    disks: tuple[Disk, ...]
    sources: tuple[str, ...]
    peers: tuple[Peer, ...] = ()
