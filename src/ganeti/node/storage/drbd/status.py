# SPDX-License-Identifier: BSD-2-Clause
"""The output of "drbdsetup events2 --now --statistics", which is the same for DRBD 8.4 and DRBD 9.

The JSON output of drbdsetup(8) needs DRBD 9.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from ganeti.rpc.contract.storage import MirrorStatus

_KIB = 1024  # per MiB
# Of /proc/drbd: the first line of a device, and the remaining time of its synchronisation.
_DEVICE = re.compile(r"^ *(\d+): cs:", re.MULTILINE)
_FINISH = re.compile(r"finish: (\d+):(\d\d):(\d\d)")
# Of "drbdsetup show", of DRBD 8.4 and of DRBD 9, where it is the first path of a connection.
_ADDRESS = r"_%s_host (?:\{\s*address\s+)?(ipv[46]) (\S+);"
_HERE, _THERE = (re.compile(_ADDRESS % side) for side in ("this", "remote"))
_TWO_PRIMARIES = re.compile(r"^\s*allow-two-primaries\s+yes;", re.MULTILINE)
_AT_REST = ("", "Established", "Off")


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource with one device and at most one connection, as all of ours have.

    ``minor`` is None if it has no device; ``size`` is KiB; ``missing`` and ``synced`` as in MirrorStatus.
    """

    name: str
    role: str
    minor: int | None = None
    disk: str = "Diskless"
    size: int = 0
    connection: str = ""
    peer_role: str = "Unknown"
    replication: str = ""
    peer_disk: str = "DUnknown"
    missing: int = 0
    synced: float | None = None

    @property
    def primary(self) -> bool:
        return self.role == "Primary"

    @property
    def attached(self) -> bool:
        return self.disk not in ("Diskless", "Failed", "Detaching")

    @property
    def up_to_date(self) -> bool:
        return self.disk == "UpToDate"

    @property
    def connected(self) -> bool:
        return self.connection == "Connected"

    @property
    def refused(self) -> bool:
        """Whether it is disconnected and no longer trying to connect."""
        return self.connection in ("", "StandAlone")

    @property
    def mebibytes(self) -> int:
        return self.size // _KIB

    def status(self, device: str, remaining: float | None) -> MirrorStatus:
        busy = self.replication not in _AT_REST
        return MirrorStatus(
            device=device,
            connection=self.replication if busy else self.connection or "StandAlone",
            role=self.role,
            disk=self.disk,
            peer_disk=self.peer_disk,
            synced=self.synced,
            remaining=remaining if self.synced is not None else None,
            missing=self.missing,
        )


@dataclass(frozen=True, slots=True)
class Connection:
    """``ends`` are its addresses as "connect" takes them, this node's first."""

    ends: tuple[str, ...]
    two_primaries: bool = False


def parse_events(output: str) -> dict[str, Resource]:
    """The existing resources, by name."""
    objects: defaultdict[str, dict[str, Mapping[str, str]]] = defaultdict(dict)
    for line in output.splitlines():
        match line.split():
            case ["exists", kind, *words]:
                told = dict(word.split(":", 1) for word in words if ":" in word)
                if name := told.get("name"):
                    objects[name].setdefault(kind, told)
            case _:
                pass  # the end marker; existing resources cause no other lines
    return {name: _resource(name, kinds) for name, kinds in objects.items()}


def parse_connection(shown: str) -> Connection | None:
    """The connection of a resource from "drbdsetup show"; None if it has none."""
    here, there = _HERE.search(shown), _THERE.search(shown)
    if not here or not there:
        return None
    ends = tuple(f"{family}:{address}" for family, address in (here.groups(), there.groups()))
    return Connection(ends, two_primaries=bool(_TWO_PRIMARIES.search(shown)))


def parse_finish(proc: str) -> dict[int, float]:
    """By minor, the remaining seconds of synchronisations as estimated in /proc/drbd of DRBD 8.4."""
    return dict(_finish(proc))


def _finish(proc: str) -> Iterator[tuple[int, float]]:
    _, *pieces = _DEVICE.split(proc)
    for minor, told in zip(pieces[::2], pieces[1::2], strict=True):
        if match := _FINISH.search(told):
            hours, minutes, seconds = (int(part) for part in match.groups())
            yield int(minor), timedelta(hours=hours, minutes=minutes, seconds=seconds).total_seconds()


def _resource(name: str, kinds: Mapping[str, Mapping[str, str]]) -> Resource:
    device, link, peer = (kinds.get(kind, {}) for kind in ("device", "connection", "peer-device"))
    size, missing = int(device.get("size", 0)), int(peer.get("out-of-sync", 0))
    synchronising = "Sync" in peer.get("replication", "")
    return Resource(
        name,
        kinds.get("resource", {}).get("role", "Unknown"),
        minor=int(device["minor"]) if "minor" in device else None,
        disk=device.get("disk", "Diskless"),
        size=size,
        connection=link.get("connection", ""),
        peer_role=link.get("role", "Unknown"),
        replication=peer.get("replication", ""),
        peer_disk=peer.get("peer-disk", "DUnknown"),
        missing=missing,
        synced=100 * (1 - missing / size) if synchronising and size else None,
    )
