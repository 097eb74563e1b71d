# SPDX-License-Identifier: BSD-2-Clause
"""Making a cluster: what is refused, and what is there afterwards."""

import os

import pytest

from ganeti.bootstrap.init import carry_out, plan
from ganeti.bootstrap.new_cluster import NewCluster
from ganeti.config.configuration import read_state
from ganeti.config.sqlite import SqliteStore
from ganeti.declare.decode import decode
from ganeti.errors import EnvironmentUnfit, ExecutionFailed, NotUnique, ResolverError, WrongInput, WrongState
from ganeti.host import addresses, certificates
from ganeti.host.paths import Paths
from ganeti.node.membership import belongs_to
from ganeti.node.storage.lvm.reported import Group, Physical
from ganeti.node.storage.lvm.volumes import Volumes
from ganeti.rpc.authority import Term, read_term
from tests.cluster.world import FixedClock

MIB = 1024**2


class Network:
    """What names mean, which addresses are this machine's, and which are another's."""

    def __init__(self):
        self.names = {"node1.example.com": "192.0.2.1", "cluster": "192.0.2.10"}
        self.names6 = {"node1.example.com": "2001:db8::1", "cluster": "2001:db8::10"}
        self.own = {"192.0.2.1", "192.0.2.101", "2001:db8::1"}
        self.alive = set()

    def resolve(self, name, version=None):
        if name not in self.names:
            raise ResolverError(f"The name '{name}' has no address")
        return name, self.names[name] if version != 6 else self.names6[name]


@pytest.fixture
def network(monkeypatch):
    made = Network()
    monkeypatch.setattr(addresses, "own_name", lambda: "node1.example.com")
    monkeypatch.setattr(addresses, "resolve", made.resolve)
    monkeypatch.setattr(addresses, "interfaces", lambda: ["br0", "eth0"])
    monkeypatch.setattr(addresses, "is_own_address", lambda address: address in made.own)
    monkeypatch.setattr(addresses, "answers", lambda address, port: address in made.alive)
    return made


@pytest.fixture
def paths(tmp_path):
    return Paths(tmp_path)


def planned(paths, **changes):
    given = {"cluster_name": "cluster", "master_netdev": "br0", "enabled_hypervisors": ["kvm"], **changes}
    return plan(decode(given, NewCluster, "gnt-cluster init"), paths, FixedClock(1000.0))


def test_an_ipv6_cluster_has_ipv6_addresses_and_a_prefix_of_one_address(network, paths):
    state = planned(paths, primary_ip_version=6)
    assert (state.master.primary_ip, state.cluster.master_ip) == ("2001:db8::1", "2001:db8::10")
    assert (state.cluster.primary_ip_version, state.cluster.master_netmask) == (6, 128)


def files(paths):
    return [path for path in paths.root.rglob("*") if path.is_file()]


def test_the_first_state_has_a_group_a_node_and_its_master(network, paths):
    state = planned(paths, secondary_ip="192.0.2.101")
    assert [group.name for group in state.groups] == ["default"]
    assert (state.master.name, state.master.primary_ip, state.master.secondary_ip) == (
        "node1.example.com",
        "192.0.2.1",
        "192.0.2.101",
    )
    assert state.master.master_candidate
    assert (state.cluster.name, state.cluster.master_ip, state.cluster.ctime) == ("cluster", "192.0.2.10", 1000.0)


@pytest.mark.parametrize(
    ("change", "error", "told"),
    [
        (lambda network: network.names.pop("cluster"), ResolverError, "'cluster' has no address"),
        (lambda network: network.names.pop("node1.example.com"), ResolverError, "'node1.example.com' has no address"),
        (
            lambda network: network.names.update({"node1.example.com": "127.0.1.1"}),
            EnvironmentUnfit,
            "resolves to 127.0.1.1, which other nodes cannot reach",
        ),
        (lambda network: network.own.clear(), EnvironmentUnfit, "which is not an address of this machine"),
        (lambda network: network.names.update({"cluster": "192.0.2.1"}), WrongInput, "has the address of this node"),
        (lambda network: network.own.add("192.0.2.10"), NotUnique, "192.0.2.10 .cluster., is in use already"),
        (lambda network: network.alive.add("192.0.2.10"), NotUnique, "is in use already"),
    ],
)
def test_names_and_addresses_that_cannot_be_right_are_refused(network, paths, change, error, told):
    change(network)
    with pytest.raises(error, match=told):
        planned(paths)
    assert files(paths) == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"secondary_ip": "192.0.2.77"}, "'secondary_ip': 192.0.2.77 is not an address of this machine"),
        ({"master_netdev": None}, "'master_netdev' is missing"),
        ({"master_netdev": "nope"}, "there is no network interface 'nope' on this machine; choose from br0, eth0"),
        ({"enabled_hypervisors": []}, "enabled_hypervisors"),
        ({"enabled_disk_templates": []}, "enabled_disk_templates"),
        ({"hvparams": {"kvm": {"colour": "red"}}}, "there is no parameter 'colour'"),
        ({"beparams": {"vcpus": "0"}}, "vcpus"),
        ({"beparams": {"maxmem": "lots"}}, "'lots' is not a size"),
        ({"nicparams": {"mode": "wireless"}}, "mode"),
        ({"max_running_jobs": 0}, "'max_running_jobs': expected a whole number of at least 1"),
        ({"default_iallocator": "nosuch"}, "there is no allocator 'nosuch'; choose from hail"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(network, paths, changes, told):
    with pytest.raises(WrongInput, match=told):
        planned(paths, **changes)
    assert files(paths) == []


def test_what_was_planned_is_written_and_the_daemons_start_when_all_is_there(network, paths):
    started = []
    carry_out(planned(paths), paths, lambda: started.append(belongs_to(paths)))
    assert started == ["cluster"]
    assert read_term(paths.term) == Term(1, "node1.example.com")
    assert certificates.node_name(paths.node_certificate.read_bytes()) == "node1.example.com"
    store = SqliteStore(paths.store)
    state = read_state(store)
    store.close()
    assert (state.cluster.name, state.master.name) == ("cluster", "node1.example.com")


def test_secrets_are_readable_by_nobody_else(network, paths):
    carry_out(planned(paths), paths, lambda: None)
    for path in (paths.ca_key, paths.node_certificate, paths.rapi_certificate, paths.rapi_users, paths.store):
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_new_cluster_lets_nobody_use_the_remote_api(network, paths):
    carry_out(planned(paths), paths, lambda: None)
    lines = paths.rapi_users.read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == []


def test_where_the_daemons_do_not_start_nothing_is_left(network, paths):
    def fails():
        raise ExecutionFailed("ganeti-masterd does not start")

    with pytest.raises(ExecutionFailed):
        carry_out(planned(paths), paths, fails)
    assert belongs_to(paths) is None
    assert files(paths) == []


def test_a_member_of_a_cluster_makes_no_other(network, paths):
    carry_out(planned(paths), paths, lambda: None)
    before = {path: path.read_bytes() for path in files(paths)}
    with pytest.raises(WrongState, match="belongs to the cluster 'cluster' already"):
        planned(paths)
    assert {path: path.read_bytes() for path in files(paths)} == before


def test_without_the_kernel_that_is_the_default_guests_boot_from_their_disks(network, paths):
    assert planned(paths).cluster.hvparams["kvm"]["kernel_path"] == ""
    kernel = paths.under("/boot/vmlinuz-3-kvmU")
    kernel.parent.mkdir(parents=True)
    kernel.touch()
    assert "kernel_path" not in planned(paths).cluster.hvparams.get("kvm", {})


def test_of_what_a_cluster_keeps_others_can_read_the_facts_alone_at_no_moment(network, paths):
    store, seen = None, {}

    def look():
        nonlocal store
        store = SqliteStore(paths.store)  # as a master daemon has it open, with the files of its log
        seen.update({path.name: path.stat().st_mode & 0o777 for path in files(paths)})

    before = os.umask(0)
    try:
        carry_out(planned(paths), paths, look)
    finally:
        os.umask(before)
        store.close()
    assert {"cluster.db-wal", "cluster.db-shm", "ca.key", "node.pem", "users", "rapi.pem", "term"} <= seen.keys()
    assert {name: mode for name, mode in seen.items() if mode != 0o600 and not name.startswith("ssconf_")} == {}


@pytest.mark.parametrize(("second", "told"), [(100, ""), (101, ""), (102, "from 100 MiB to 102 MiB")])
def test_physical_volumes_of_a_cluster_whose_storage_is_exclusive_must_be_alike(
    network, paths, monkeypatch, second, told
):
    sizes = {"/dev/sdb": 100 * MIB, "/dev/sdc": second * MIB}
    group = Group("xenvg", 200, 200, physical=tuple(Physical(at, size, size, MIB) for at, size in sizes.items()))

    async def groups(self):
        return {"xenvg": group}

    monkeypatch.setattr(Volumes, "groups", groups)
    wanted = {"enabled_disk_templates": ["plain"], "vg_name": "xenvg", "ndparams": {"exclusive_storage": True}}
    if told:
        with pytest.raises(WrongInput, match=f"the physical volumes of xenvg have {told}"):
            planned(paths, **wanted)
    else:
        assert planned(paths, **wanted).cluster.ndparams == {"exclusive_storage": True}


@pytest.mark.parametrize("template", ["plain", "sharedfile"])
def test_a_volume_group_that_is_not_there_is_told_before_anything_is_made(network, paths, template):
    with pytest.raises(WrongInput, match="Parameter 'vg_name'"):
        planned(paths, enabled_disk_templates=[template], vg_name="no-such-group")
