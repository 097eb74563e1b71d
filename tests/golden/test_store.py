# SPDX-License-Identifier: BSD-2-Clause
"""What any version of the software has ever stored can be read by this one.

``store/format-N.sql`` is what the software wrote when its format was N. These files are never changed. A new
format adds one, and a step in ``ganeti.config.upgrade``.
"""

import json
import sqlite3
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ganeti.config import upgrade as upgrading
from ganeti.config.configuration import read_state
from ganeti.config.configuration import record_of as entity_record
from ganeti.config.going_back import BROUGHT, go_back, in_the_way
from ganeti.config.journal import Journal
from ganeti.config.mandate import Mandate
from ganeti.config.replication import Replication
from ganeti.config.sqlite import SqliteStore
from ganeti.config.store import FORMAT
from ganeti.config.upgrade import STEPS, upgrade
from ganeti.errors import StoreFailed
from ganeti.jobs.queue import JobQueue, interrupted, unfinished
from ganeti.jobs.queue import record_of as job_record
from ganeti.model.disk import IoLimits
from ganeti.model.group import AllocPolicy, Group
from ganeti.model.instance import AdminState, Instance
from ganeti.model.job import JobStatus
from ganeti.model.node import Node
from ganeti.rpc.contract.store import Position, Record
from tests.cluster.world import FixedClock

FILES = Path(__file__).with_name("store")
FORMATS = range(1, FORMAT + 1)


def written(form, directory):
    """The store as it was written, on a disk."""
    path = directory / "cluster.db"
    connection = sqlite3.connect(path)
    connection.executescript((FILES / f"format-{form}.sql").read_text())
    connection.close()
    return SqliteStore(path)


@pytest.fixture(params=FORMATS)
async def store(request, tmp_path):
    """A stored configuration of each format, brought to the present one."""
    made = written(request.param, tmp_path)
    assert await upgrade(made) is (request.param < FORMAT)
    yield made
    made.close()


def jobs_of(store):
    nobody: Any = None  # there are no replicas to call
    return JobQueue(
        store, Journal(store, Replication(store, nobody, list), Mandate(nobody, "node1", list)), FixedClock()
    )


def plain(records):
    """By kind and key, without regard to the order of keys and of sets."""
    return {(r.kind, r.key): _sorted(json.loads(bytes(r.body))) for r in records}


def _sorted(value):
    if isinstance(value, dict):
        return {key: _sorted(inner) for key, inner in value.items()}
    if isinstance(value, list):
        items = [_sorted(item) for item in value]
        return sorted(items) if all(isinstance(item, str) for item in items) else items
    return value


def test_every_format_has_its_file_and_a_way_to_the_next():
    assert sorted(path.name for path in FILES.iterdir()) == sorted(f"format-{form}.sql" for form in FORMATS)
    assert sorted(STEPS) == list(range(1, FORMAT))
    assert sorted(BROUGHT) == list(range(2, FORMAT + 1))


async def test_the_cluster_is_the_same(store):
    cluster = read_state(store).cluster
    assert (cluster.name, cluster.master_ip, cluster.master_netdev, cluster.master_netmask) == (
        "cluster.example.com",
        "192.0.2.10",
        "br0",
        24,
    )
    assert cluster.enabled_hypervisors == ("kvm", "fake")
    assert cluster.hvparams["kvm"] == {"kernel_path": "", "migration_bandwidth": 100}
    assert cluster.os_hvp == {"debian": {"kvm": {"vhost_net": False}}}
    assert cluster.ipolicy.minmax[0].min.memory_size == 64
    assert list(map(set, (cluster.hidden_os, cluster.blacklisted_os, cluster.tags))) == [
        {"old"},
        {"bad"},
        {"production"},
    ]
    assert cluster.osparams_private == {"debian": {"key": "k"}}
    assert cluster.drained_queue


async def test_groups_and_nodes_are_the_same(store):
    state = read_state(store)
    assert [(g.name, g.alloc_policy) for g in state.groups] == [
        ("default", AllocPolicy.PREFERRED),
        ("old machines", AllocPolicy.LAST_RESORT),
    ]
    assert state.master.name == "node1.example.com"
    assert [node.name for node in state.candidates] == ["node1.example.com", "node2.example.com"]
    node1, node2, node3, node4 = state.nodes
    assert (node1.migration_ip, node2.migration_ip) == ("198.51.100.1", "192.0.2.2")
    assert (set(node2.tags), node2.ndparams) == ({"rack:2"}, {"ssh_port": 2222})
    assert (node3.offline, node3.powered, node3.master_capable) == (True, False, False)
    assert (node4.drained, node4.vm_capable, node4.usable) == (True, False, False)


async def test_instances_are_the_same(store):
    state = read_state(store)
    web, db, old = (state.find(Instance, f"{name}.example.com") for name in ("web1", "db1", "old1"))
    assert (web.admin_state, web.os, web.hypervisor, web.disk_template, web.network_port) == (
        AdminState.UP,
        "debian+bookworm",
        "kvm",
        "sharedfile",
        11000,
    )
    assert (web.hvparams, web.beparams, web.osparams, web.osparams_private) == (
        {"acpi": False},
        {"vcpus": 2},
        {"dhcp": "yes"},
        {"password": "p"},
    )
    assert [(disk.size, disk.mode, disk.name, disk.driver) for disk in web.disks] == [
        (1024, "rw", "root", "loop"),
        (64, "ro", None, None),
    ]
    assert web.disks[0].location == "/srv/ganeti/shared-file-storage/web1.example.com/disk0"
    assert [(nic.mac, nic.ip, nic.nicparams) for nic in web.nics] == [
        ("aa:00:01:00:00:01", "192.0.2.21", {"mode": "bridged", "link": "br1"}),
        ("aa:00:01:00:00:02", None, {}),
    ]
    assert [state.get(Node, uuid).name for uuid in db.nodes] == ["node2.example.com"]
    assert (db.admin_state, db.admin_state_source) == (AdminState.DOWN, "user")
    assert old.admin_state is AdminState.OFFLINE


@pytest.mark.parametrize("form", [form for form in FORMATS if form >= 3])
async def test_networks_are_the_same(form, tmp_path):
    store = written(form, tmp_path)
    state = read_state(store)
    (network,) = state.networks
    assert (network.name, network.network, network.gateway, network.network6, network.gateway6) == (
        "customers",
        "198.51.100.0/24",
        "198.51.100.1",
        "2001:db8::/64",
        "2001:db8::1",
    )
    assert (network.mac_prefix, set(network.tags), network.holds_nodes) == ("aa:00:02", {"dmz"}, False)
    assert network.reserved == ("198.51.100.100-198.51.100.199", "198.51.100.201")
    assert state.find(Group, "default").networks == {network.uuid: {"mode": "bridged", "link": "br100", "vlan": ""}}
    db = state.find(Instance, "db1.example.com")
    assert [(nic.ip, nic.network) for nic in db.nics] == [("198.51.100.2", network.uuid)]
    store.close()


@pytest.mark.parametrize("form", [form for form in FORMATS if form >= 4])
async def test_what_is_forthcoming_is_the_same(form, tmp_path):
    store = written(form, tmp_path)
    found = {instance.name: instance.forthcoming for instance in read_state(store).instances}
    assert [name for name, forthcoming in found.items() if forthcoming] == ["soon1.example.com"]
    store.close()


@pytest.mark.parametrize("form", [form for form in FORMATS if form >= 5])
async def test_limits_of_disks_and_models_of_cpus_are_the_same(form, tmp_path):
    store = written(form, tmp_path)
    state = read_state(store)
    assert state.find(Instance, "web1.example.com").disks[0].limits == IoLimits(iops=500, bps=50)
    assert state.find(Group, "default").cpu_model == "Westmere-v1"
    assert state.find(Instance, "db1.example.com").hvparams["cpu_type"] == "group"
    store.close()


async def test_serial_numbers_and_times_are_the_same(store):
    web = read_state(store).find(Instance, "web1.example.com")
    assert (web.serial_no, web.ctime, web.mtime) == (4, 1700000000.0, 1700000060.0)


async def test_jobs_are_the_same(store):
    queue = jobs_of(store)
    assert [(tracked.job.id, tracked.job.status) for tracked in queue] == [
        (8, JobStatus.ERROR),
        (9, JobStatus.QUEUED),
        (10, JobStatus.RUNNING),
    ]
    failed, waiting, running = (queue.get(number) for number in (8, 9, 10))
    assert [entry.text for entry in failed.log] == ["* stopping", " - WARNING: ü"]
    assert failed.job.steps[1].result == ["OpPrereqError", ["no", "wrong_state"]]
    assert waiting.job.depends == ((8, ("success",)),)
    assert [residue.what for residue in running.job.residue] == ["disk 0 of new1.example.com"]
    assert [tracked.job.id for tracked in interrupted(queue)] == [10]
    assert [tracked.job.id for tracked in unfinished(queue)] == [9, 10]
    assert queue.take_number() == 11


async def test_archived_jobs_are_the_same(store):
    queue = jobs_of(store)
    assert [job.id for job in queue.archived()] == [7]
    found = queue.find(7)
    assert found is not None
    assert (found.job.summary, found.job.ended) == (["INSTANCE_STARTUP(web1.example.com)"], 1700000003.0)


async def test_what_is_written_now_is_what_the_present_format_is(tmp_path):
    """If this fails, older software can no longer read what this one writes: that is a new format."""
    store = written(FORMAT, tmp_path)
    entities = [entity_record(e) for of_kind in read_state(store).entities.values() for e in of_kind.values()]
    queue = jobs_of(store)
    jobs = [*(job_record(tracked.job) for tracked in queue), *(job_record(j, "archived-job") for j in queue.archived())]
    again = plain([*entities, *jobs])
    stored = plain(store.all())
    store.close()
    assert again == {key: body for key, body in stored.items() if key[0] not in ("job-log", "counter")}


@pytest.mark.parametrize("form", FORMATS)
async def test_what_an_older_format_can_hold_goes_back_to_it_unchanged(form, tmp_path):
    store = written(form, tmp_path)
    await upgrade(store)
    converted, revision = plain(store.all()), store.position().revision
    assert await go_back(store, form) is (form < FORMAT)
    assert plain(store.all()) == converted
    assert store.position() == Position(form, revision + (form < FORMAT))
    assert await upgrade(store) is (form < FORMAT)
    assert plain(store.all()) == converted
    store.close()


@pytest.mark.parametrize(
    ("form", "named"),
    [
        (4, ["web1.example.com"]),
        (4, ["db1.example.com"]),
        (3, ["web1.", "soon1.example.com"]),
        (2, ["web1.", "soon1.example.com", "customers"]),
        (1, ["web1.", "soon1.", "customers"]),
    ],
)
async def test_what_older_software_does_not_know_is_named_and_nothing_is_changed(form, named, tmp_path):
    store = written(5, tmp_path)
    before = (store.position(), store.all())
    problems = in_the_way(store, form)
    assert len(problems) == len(named)
    assert all(name in problem for name, problem in zip(named, problems, strict=True))
    with pytest.raises(StoreFailed, match="cannot go back"):
        await go_back(store, form)
    assert (store.position(), store.all()) == before
    store.close()


async def test_a_format_of_the_future_is_left_alone(tmp_path):
    store = written(1, tmp_path)
    await store.replace(Position(FORMAT + 1, 43), store.all())
    before = store.all()
    with pytest.raises(StoreFailed, match="upgrade the software on this node"):
        await upgrade(store)
    assert (store.all(), store.position()) == (before, Position(FORMAT + 1, 43))
    store.close()


async def test_steps_are_taken_one_after_the_other_and_written_at_once(tmp_path, monkeypatch):
    def adding(word):
        return lambda records: [*records, Record("step", word, msgspec.Raw(b"1"))]

    monkeypatch.setattr(upgrading, "FORMAT", 3)
    monkeypatch.setattr(upgrading, "STEPS", {1: adding("one"), 2: adding("two")})
    store = written(1, tmp_path)
    revision = store.position().revision
    assert await upgrade(store) is True
    assert [record.key for record in store.load("step")] == ["one", "two"]
    assert store.position() == Position(3, revision + 1)
    store.close()


async def test_a_step_that_fails_leaves_everything_as_it_was(tmp_path, monkeypatch):
    def failing(records):
        raise StoreFailed("no")

    monkeypatch.setattr(upgrading, "FORMAT", 2)
    monkeypatch.setattr(upgrading, "STEPS", {1: failing})
    store = written(1, tmp_path)
    before = (store.position(), store.all())
    with pytest.raises(StoreFailed):
        await upgrade(store)
    assert (store.position(), store.all()) == before
    store.close()
