# SPDX-License-Identifier: BSD-2-Clause
"""Which instances are broken, what would repair them, and whether their tags allow it (harep(1))."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from msgspec import Struct

from ganeti.placement.snapshot import NO_NODE, Instance, Snapshot, Template

_PREFIX = "ganeti:watcher:autorepair:"


class Repair(IntEnum):
    """Each allows what those before it do."""

    FIX_STORAGE = 0
    MIGRATE = 1
    FAILOVER = 2
    REINSTALL = 3

    @property
    def word(self) -> str:
        return self.name.lower().replace("_", "-")


class Case(Struct, frozen=True):
    """A broken instance. ``allowed`` is the most that its tags permit, None if they permit nothing."""

    instance: Instance
    needed: Repair
    why: str
    allowed: Repair | None
    suspended: bool

    @property
    def permitted(self) -> bool:
        return not self.suspended and self.allowed is not None and self.allowed >= self.needed


def cases(snapshot: Snapshot) -> list[Case]:
    """The broken instances with disks of template plain or drbd; only these can be repaired."""
    return [case for instance in snapshot.instances if (case := _case(snapshot, instance))]


def _case(snapshot: Snapshot, instance: Instance) -> Case | None:
    found = _damage(snapshot, instance)
    if found is None:
        return None
    group = snapshot.group_of(instance.primary)
    allowed = next(
        (it for tags in (instance.tags, group.tags, snapshot.tags) if (it := _allowed(tags)) is not None), None
    )
    suspended = any(tag.startswith(f"{_PREFIX}suspend") for tag in (*instance.tags, *group.tags, *snapshot.tags))
    return Case(instance, *found, allowed, suspended)


def _damage(snapshot: Snapshot, instance: Instance) -> tuple[Repair, str] | None:
    if instance.template not in (Template.PLAIN, Template.DRBD):
        return None
    primary = snapshot.nodes[instance.primary]
    mirror = None if instance.secondary == NO_NODE else snapshot.nodes[instance.secondary]
    if primary.offline and (mirror is None or mirror.offline):
        nodes = primary.name if mirror is None else f"{primary.name} and {mirror.name}"
        return Repair.REINSTALL, f"all its disks are on {nodes}, offline"
    if primary.offline:
        return Repair.FAILOVER, f"its primary node {primary.name} is offline"
    if mirror is not None and mirror.offline:
        return Repair.FIX_STORAGE, f"its secondary node {mirror.name} is offline"
    return None


def _allowed(tags: Iterable[str]) -> Repair | None:
    """Of several tags on one object the least destructive counts."""
    words = {f"{_PREFIX}{repair.word}": repair for repair in Repair}
    return min((words[tag] for tag in tags if tag in words), default=None)
