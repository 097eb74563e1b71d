# SPDX-License-Identifier: BSD-2-Clause
"""What the master asks of a node about exports: directories below ``/srv/ganeti/export``, one for each instance.

``name`` is that of such a directory, the name of the instance; of its files the configuration comes last, and the
whole takes the place of an older one then.
"""

from __future__ import annotations

from msgspec import Struct

from ganeti.model.compression import Compression
from ganeti.model.disk import Disk
from ganeti.model.guest import Guest
from ganeti.model.timing import PING
from ganeti.rpc.call import Call
from ganeti.rpc.contract.copying import Party

_COPYING = 7 * 24 * 3600.0  # seconds


class CheckSnapshots(Call[tuple[str, ...]], frozen=True, tag="backup.check-snapshots"):
    """Can there be snapshots of disks? Returns what prevents it.

    ``live``: while their guest runs.
    """

    disks: tuple[Disk, ...]
    live: bool = False


class MakeSnapshots(Call[None], frozen=True, tag="backup.make-snapshots"):
    """Make a snapshot of each disk: the disk beside it in ``snapshots``, which RemoveDisks removes.

    Existing snapshots are left unchanged. ``guest``: the one that uses the disks, if it runs; its file systems are
    frozen meanwhile if its agent can do that.
    """

    disks: tuple[Disk, ...]
    snapshots: tuple[Disk, ...]
    live: bool = False
    guest: Guest | None = None
    patience = _COPYING


class MeasureExports(Call[int], frozen=True, tag="backup.measure"):
    """How much room is there for exports, in MiB?"""

    patience = PING


class BeginExport(Call[None], frozen=True, tag="backup.begin"):
    """Make room for an export, beside an older one, and remove what an interrupted one has left."""

    name: str
    patience = 600.0


class TakeDump(Call[int], frozen=True, tag="backup.take"):
    """Take one connection of ``sender`` at ``address``, and write what it sends to a file; the port, when it waits."""

    name: str
    file: str
    sender: Party
    address: str


class FinishExport(Call[None], frozen=True, tag="backup.finish"):
    """Write the configuration of an export, and let it take the place of an older one."""

    name: str
    config: str
    patience = 600.0


class DiscardExport(Call[None], frozen=True, tag="backup.discard"):
    """Remove an unfinished export; the older one stays."""

    name: str
    patience = 600.0


class FoundExports(Struct, frozen=True):
    """The names of those that are whole, in order; ``cut``: whether there are more than are told.

    ``times``: when each was finished, seconds since the epoch; ``sizes``: what each takes, MiB.
    """

    names: tuple[str, ...]
    cut: bool = False
    times: tuple[float, ...] = ()
    sizes: tuple[int, ...] = ()


class ListExports(Call[FoundExports], frozen=True, tag="backup.list"):
    """Which exports do you have?"""

    patience = 30.0


class ReadExport(Call[str], frozen=True, tag="backup.read"):
    """The configuration of an export. Raises UnknownEntity."""

    name: str


class OfferDump(Call[int], frozen=True, tag="backup.offer"):
    """Take one connection of ``receiver`` at ``address``, and send it a file of an export; the port, when it waits."""

    name: str
    file: str
    receiver: Party
    address: str
    compress: Compression = "none"


class RemoveExport(Call[None], frozen=True, tag="backup.remove"):
    """Remove an export. Raises UnknownEntity if it is not there."""

    name: str
    patience = 600.0
