# SPDX-License-Identifier: BSD-2-Clause
"""Which instances are broken, what would repair them, whether their tags allow it, and the progress of repairs.

The tags are those of Ganeti's design "Instance auto-repair" and harep(1).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum, IntEnum

import msgspec
from msgspec import Struct

from ganeti.model.job import JobStatus
from ganeti.placement.snapshot import NO_NODE, Instance, Snapshot, Template

PREFIX = "ganeti:watcher:autorepair:"
_PENDING, _RESULT, _SUSPEND = f"{PREFIX}pending:", f"{PREFIX}result:", f"{PREFIX}suspend"
_SUCCESS = "success"  # the result of a repair
_DENIED = "enoperm"


class Repair(IntEnum):
    """Each also allows the preceding ones."""

    FIX_STORAGE = 0
    MIGRATE = 1
    FAILOVER = 2
    REINSTALL = 3

    @property
    def word(self) -> str:
        return self.name.lower().replace("_", "-")


_REPAIRS = {repair.word: repair for repair in Repair}


class Record(Struct, frozen=True):
    """A repair that is under way or, with a ``result``, finished, as recorded in a tag of the instance.

    ``moment``: when it began, or ended, in seconds since the epoch. ``result`` is success, failure or enoperm.
    """

    repair: Repair
    name: str
    moment: int
    jobs: tuple[int, ...] = ()
    result: str = ""

    @property
    def tag(self) -> str:
        """``...pending:TYPE:ID:TIMESTAMP:JOBS`` or ``...result:TYPE:ID:TIMESTAMP:RESULT:JOBS``; jobs joined by +."""
        kind = _RESULT if self.result else _PENDING
        result = (self.result,) if self.result else ()
        return kind + ":".join((self.repair.word, self.name, str(self.moment), *result, "+".join(map(str, self.jobs))))

    def then(self, job: int) -> Record:
        return msgspec.structs.replace(self, jobs=(*self.jobs, job))

    def ended(self, result: str, moment: int) -> Record:
        return msgspec.structs.replace(self, result=result, moment=moment)


def record_of(tag: str) -> Record | None:
    """None if the tag is not that of a repair."""
    for kind, length in ((_PENDING, 4), (_RESULT, 5)):
        parts = tag.removeprefix(kind).split(":")
        if tag.startswith(kind) and len(parts) == length and parts[0] in _REPAIRS:
            repair, name, moment, *result, jobs = parts
            numbers = [number for number in jobs.split("+") if number]
            if moment.isdecimal() and all(number.isdecimal() for number in numbers):
                return Record(_REPAIRS[repair], name, int(moment), tuple(map(int, numbers)), "".join(result))
    return None


class Permission(Struct, frozen=True):
    """The permission set by the nearest object with such tags: the instance, its group or the cluster.

    ``most``: the most destructive repair that is allowed; None: none is.
    """

    most: Repair | None = None
    suspended: bool = False


class Case(Struct, frozen=True):
    """An instance that is broken, or whose repair is not finished or has failed.

    ``needed`` is None if it is healthy again.
    """

    instance: Instance
    needed: Repair | None
    why: str
    permission: Permission
    pending: Record | None
    results: tuple[Record, ...]

    @property
    def failed(self) -> bool:
        return any(record.result == "failure" for record in self.results)

    @property
    def denied(self) -> bool:
        """Whether it is already tagged as needing more than is allowed."""
        return any((record.result, record.repair) == (_DENIED, self.needed) for record in self.results)

    @property
    def permitted(self) -> bool:
        """Whether the needed repair is permitted. One that is under way, or requested by its tag, is."""
        if self.needed is None or self.permission.suspended:
            return False
        asked = None if self.pending is None else self.pending.repair
        return any(repair is not None and repair >= self.needed for repair in (self.permission.most, asked))


class Action(Enum):
    NOTHING = "nothing"
    REPAIR = "repair"  # start, or continue
    END = "end"  # tag the result, which replaces the tag of a repair under way


class Verdict(Struct, frozen=True):
    """``state``: in the terms of harep(1); ``result``: that of a finished repair."""

    state: str
    action: Action = Action.NOTHING
    result: str = ""


def judge(case: Case, jobs: Mapping[int, str]) -> Verdict:
    """What to do now; ``jobs``: the states of the jobs of the repair under way."""
    if case.failed:
        return Verdict("Failure")
    if case.pending:
        # An unknown job ended long ago.
        ends = [JobStatus(jobs.get(number, JobStatus.SUCCESS)) for number in case.pending.jobs]
        if not all(end.final for end in ends):
            return Verdict("Pending repair")
        if any(end is not JobStatus.SUCCESS for end in ends):
            return Verdict("Failure", Action.END, "failure")
        if case.needed is None:
            return Verdict("Healthy", Action.END, _SUCCESS)
    if case.permission.suspended:
        return Verdict("Suspended")
    if case.permitted:
        return Verdict("Needs repair", Action.REPAIR)
    tagged = case.denied or (case.permission.most is None and case.pending is None)
    return Verdict("Repair disallowed") if tagged else Verdict("Repair disallowed", Action.END, _DENIED)


def cases(snapshot: Snapshot, now: float) -> list[Case]:
    """``now`` in seconds since the epoch: suspensions may expire."""
    return [case for instance in snapshot.instances if (case := _case(snapshot, instance, now))]


def expired(tags: Iterable[str], now: float) -> list[str]:
    """Tags of expired suspensions."""
    return [tag for tag in tags if (end := _suspended_until(tag)) is not None and end <= now]


def _case(snapshot: Snapshot, instance: Instance, now: float) -> Case | None:
    needed, why = _damage(snapshot, instance)
    records = [record for tag in instance.tags if (record := record_of(tag))]
    pending = min((record for record in records if not record.result), key=lambda it: it.moment, default=None)
    results = tuple(record for record in records if record.result)
    if needed is None and pending is None and not any(record.result == "failure" for record in results):
        return None
    near_to_far = (instance.tags, snapshot.group_of(instance.primary).tags, snapshot.tags)
    permission = next((it for tags in near_to_far if (it := _permission(tags, now))), Permission())
    return Case(instance, needed, why, permission, pending, results)


def _damage(snapshot: Snapshot, instance: Instance) -> tuple[Repair | None, str]:
    primary = snapshot.nodes[instance.primary]
    mirror = None if instance.secondary == NO_NODE else snapshot.nodes[instance.secondary]
    if primary.offline and instance.template.moves_anywhere:
        return Repair.FAILOVER, f"its node {primary.name} is offline"
    if instance.template not in (Template.PLAIN, Template.DRBD):
        return None, ""
    if primary.offline and (mirror is None or mirror.offline):
        nodes = primary.name if mirror is None else f"{primary.name} and {mirror.name}"
        return Repair.REINSTALL, f"all its disks are on {nodes}, offline"
    if primary.offline:
        return Repair.FAILOVER, f"its primary node {primary.name} is offline"
    if mirror is not None and mirror.offline:
        return Repair.FIX_STORAGE, f"its secondary node {mirror.name} is offline"
    return None, ""


def _permission(tags: Iterable[str], now: float) -> Permission | None:
    """The permission by one object's tags; None without any. Of several kinds the least destructive counts."""
    tags = tuple(tags)
    if any(end > now for end in _suspensions(tags)):
        return Permission(suspended=True)
    most = min((_REPAIRS[word] for tag in tags if (word := tag.removeprefix(PREFIX)) in _REPAIRS), default=None)
    return None if most is None else Permission(most)


def _suspensions(tags: Iterable[str]) -> Iterator[float]:
    return (end for tag in tags if (end := _suspended_until(tag)) is not None)


def _suspended_until(tag: str) -> float | None:
    """When the suspension ends; infinity without an end, None if the tag is not a suspension."""
    if tag == _SUSPEND:
        return float("inf")
    moment = tag.removeprefix(f"{_SUSPEND}:")
    return float(moment) if moment != tag and moment.isdecimal() else None
