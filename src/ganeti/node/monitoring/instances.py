# SPDX-License-Identifier: BSD-2-Clause
"""The instances whose primary node is this machine, and their guests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from ganeti.host.paths import Paths
from ganeti.node.hypervisor.kvm.directory import GuestDirectory, directories
from ganeti.node.monitoring.status import BEING_MENDED, FINE, GOOD, WRONG, Status


class Expected(Struct, frozen=True):
    """What is configured of an instance."""

    name: str
    uuid: str
    hypervisor: str
    admin_state: str
    mtime: float


def instances(paths: Paths, expected: Iterable[Expected], now: float) -> tuple[Status, dict[str, Any]]:
    """Only those whose hypervisor is KVM."""
    since = dict(_running(directories(paths)))
    rows = [_row(one, since.get(one.name), now) for one in expected if one.hypervisor == "kvm"]
    unlike = [f"{row['name']}: {row['status']['message']}" for row in rows if row["status"]["code"] != GOOD]
    status = Status(BEING_MENDED, "; ".join(unlike)) if unlike else FINE
    return status, {"instances": rows}


def _running(found: Iterable[GuestDirectory]) -> Iterable[tuple[str, float]]:
    """Start times by name of the guest."""
    for directory in found:
        record = directory.read()
        if record and directory.process() is not None:
            yield record.guest.name, record.since


def _row(expected: Expected, since: float | None, now: float) -> dict[str, Any]:
    status = _status(expected.admin_state, up=since is not None)
    return {
        "name": expected.name,
        "uuid": expected.uuid,
        "admin_state": expected.admin_state,
        "actual_state": "down" if since is None else "up",
        "uptime": None if since is None else max(now - since, 0.0),
        "mtime": expected.mtime,
        "state_reason": [],
        "status": {"code": status.code, "message": status.message},
    }


def _status(admin_state: str, *, up: bool) -> Status:
    """One that should run and does not will be started by the watcher."""
    if up == (admin_state == "up"):
        return FINE
    return Status(WRONG, f"it runs, and should be {admin_state}") if up else Status(BEING_MENDED, "it does not run")
