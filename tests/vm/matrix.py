# SPDX-License-Identifier: BSD-2-Clause
"""What can be done with disks, on every kind of storage: './run test --lab' ends with a table of it (``table.py``).

Each test is a column. What a storage does not have is refused, and the reason is in the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from tests.vm.conftest import GUEST, SHAPE

SIZE, GROWN = 64, 96  # MiB


@dataclass(frozen=True, slots=True)
class Storage:
    """A row.

    ``add``: how its disks are asked for. ``installed``: whether the guest counts its boots on its first disk.
    ``other``, ``back``: options of "modify" that convert it, and back again.
    ``refuses``: by column, words of the reason.
    ``shown``, ``lose``: lines of shell for each node that list what there is of disks, and destroy them.
    ``part``: the same for the primary node; has copies come apart.
    """

    name: str
    add: tuple[str, ...]
    other: tuple[str, ...] = ()
    back: tuple[str, ...] = ()
    refuses: Mapping[str, str] = field(default_factory=dict)
    installed: bool = True
    shown: str = ""
    lose: str = ""
    part: str = ""

    def __str__(self) -> str:
        return self.name


class Case:
    """One storage and the guest on it, which the columns hand from one to the next."""

    def __init__(self, cluster, storage):
        self.cluster = cluster
        self.storage = storage
        self.column = ""
        self.boots = 0
        self.record_reason = None
        self.before = self.shown()

    def do(self, command, *words):
        """Whether it was done: else it was refused, as it must be on this storage."""
        words = ("gnt-instance", command, *words)
        expected = self.storage.refuses.get(self.column)
        if expected is None:
            self.cluster.gnt(*words)
            return True
        told = " ".join(self.cluster.refused(*words).split())
        assert expected in told, told
        self.record_reason(expected)
        return False

    def listed(self, field):
        return self.cluster.gnt("gnt-instance", "list", "--no-headers", "-o", field, GUEST).strip()

    @property
    def primary(self):
        return self.listed("pnode").partition(".")[0]

    @property
    def other(self):
        """A node that has a copy, or gets at the disks, or could have them."""
        return next(node.name for node in self.cluster.lab.nodes[-2:] if node.name != self.primary)

    def start(self):
        self.cluster.gnt("gnt-instance", "startup", GUEST)
        self.boots += 1
        self.is_up()

    def stop(self):
        self.cluster.gnt("gnt-instance", "shutdown", "--timeout=0", GUEST)

    def is_up(self):
        """On its primary node, and with what it has on its disk. The number that it has counted to in its memory."""
        with self.cluster.console(self.primary) as console:
            assert console.up().boot == (self.boots if self.storage.installed else 1)
            return console.count().number

    def shown(self):
        """What there is of disks on each node."""
        return self.everywhere(self.storage.shown)

    def everywhere(self, script):
        return [node.run("sh", "-c", script).output for node in self.cluster.lab.nodes]


@pytest.fixture(scope="module")
def guest(cluster, storage):
    """What is known of it from column to column."""
    return Case(cluster, storage)


@pytest.fixture
def case(request, guest, record_property):
    guest.column = request.node.originalname.removeprefix("test_")
    guest.record_reason = lambda reason: record_property("refused", reason)
    record_property("cell", (str(guest.storage), guest.column))
    return guest


def test_create(case):
    case.cluster.gnt("gnt-instance", "add", "--no-start", *case.storage.add, *SHAPE, GUEST)
    assert case.listed("status") == "ADMIN_down"


def test_start(case):
    case.start()


def test_grow(case):
    """While it runs."""
    if case.do("grow-disk", "--absolute", GUEST, "0", f"{GROWN}m"):
        assert case.listed("disk.sizes") == str(GROWN)
        case.is_up()


def test_migrate(case):
    target, before = case.other, case.is_up()
    if case.do("migrate", "-f", "-n", target, GUEST):
        assert case.primary == target
        assert case.is_up() > before


def test_failover(case):
    target = case.other
    if case.do("failover", "-f", "-n", target, GUEST):
        case.boots += 1
        assert case.primary == target
        case.is_up()


def test_replace_disks(case):
    if case.do("replace-disks", "-s", GUEST):
        case.is_up()


def test_verify_disks(case):
    """While it runs, and its copies have come apart."""
    if case.storage.part:
        done = case.cluster.lab.node(case.primary).run("sh", "-ec", case.storage.part)
        assert not done.failed, done.why()
    case.cluster.gnt("gnt-cluster", "verify-disks")
    told = case.cluster.master.run("gnt-cluster", "verify", "--error-codes", timeout=1200).output
    assert not [line for line in told.splitlines() if "EINSTANCE" in line and "ERROR" in line], told


def test_move(case):
    target = case.other
    if case.do("move", "-f", "-n", target, GUEST):
        case.boots += 1
        assert case.primary == target
        case.is_up()


def test_activate_and_deactivate(case):
    case.stop()
    told = case.cluster.gnt("gnt-instance", "activate-disks", GUEST)
    assert case.storage.name == "diskless" or f"{case.primary}.lab.test:disk/0:" in told
    case.cluster.gnt("gnt-instance", "deactivate-disks", GUEST)


def test_convert(case):
    if case.do("modify", *case.storage.other, GUEST):
        case.cluster.gnt("gnt-instance", "modify", *case.storage.back, GUEST)
        assert case.listed("disk_template") == case.storage.name
        case.start()
        case.stop()


def test_recreate_disks(case):
    """That are lost; they are empty."""
    case.everywhere(case.storage.lose)
    if case.do("recreate-disks", GUEST):
        case.cluster.gnt("gnt-instance", "activate-disks", GUEST)
        case.cluster.gnt("gnt-instance", "deactivate-disks", GUEST)


def test_remove(case):
    """With all that there was of it."""
    case.cluster.gnt("gnt-instance", "remove", "-f", GUEST)
    assert case.shown() == case.before
