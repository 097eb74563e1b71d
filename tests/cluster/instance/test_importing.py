# SPDX-License-Identifier: BSD-2-Clause
"""Creating an instance from an export."""

import re

import pytest

from ganeti import errors
from ganeti.jobs.lockset import COMPATIBLE
from ganeti.model.entity import evolve
from ganeti.model.network import Network
from ganeti.operations.backup.remove import BackupRemove
from ganeti.operations.instance.create import InstanceCreate
from ganeti.rpc.contract.os import RenameInOs
from tests.cluster.backup.exported import cluster_with_exports, directory, disks, export, imported


@pytest.fixture
async def cluster(tmp_path):
    async with cluster_with_exports(tmp_path) as cluster:
        yield cluster


async def exported(cluster, *, removed=True, **more):
    """An instance that has gone to an export on node2."""
    usual = {
        "template": "plain",
        "os_type": "tiny",
        "disks": [{"size": 64, "name": "root"}, {"size": 32, "mode": "ro"}],
    }
    await cluster.add("web1", **(usual | more))
    before = cluster.instance("web1")
    await export(cluster, remove_instance=removed)
    return before


def edit(cluster, old, new, node="node2"):
    path = directory(cluster, node, "web1/config.ini")
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


async def test_what_was_exported_is_there_again_and_not_started(cluster):
    given = {
        "beparams": {"maxmem": 256, "minmem": 128, "vcpus": 3},
        "hvparams": {"acpi": False},
        "osparams": {"suite": "a"},
        "osparams_private": {"key": "s3cret"},
        "nics": [{"ip": "192.0.2.1", "name": "eth0", "link": "br7"}, {}],
        "tags": ["red", "blue"],
        "hypervisor": "kvm",
    }
    await cluster.run("OP_CLUSTER_SET_PARAMS", enabled_hypervisors=["fake", "kvm"])
    before = await exported(cluster, **given)
    assert await imported(cluster, pnode="node3") == ["node3"]
    after = cluster.instance("web1")
    assert await cluster.list("instance", "pnode", "status") == [["node3", "ADMIN_down"]]
    for what in ("os", "hypervisor", "disk_template", "osparams", "osparams_private", "tags"):
        assert getattr(after, what) == getattr(before, what), what
    assert after.beparams.items() >= {"maxmem": 256, "minmem": 128, "vcpus": 3}.items()
    assert after.hvparams["acpi"] is False
    assert [(n.mac, n.ip, n.name) for n in after.nics] == [(n.mac, n.ip, n.name) for n in before.nics]
    assert after.nics[0].nicparams["link"] == "br7"
    assert [(d.size, d.name, d.mode) for d in after.disks] == [(64, "root", "rw"), (32, None, "ro")]
    # Each disk has what its own dump had.
    found = cluster.nodes["node3"].providers.imported
    dumps = [(directory(cluster, name=f"web1/{disk.uuid}")).read_text() for disk in before.disks]
    assert [found[disk.uuid] for disk in after.disks] == dumps


async def test_to_another_template_and_another_name_by_the_scripts_of_its_os(cluster):
    await exported(cluster)
    await imported(cluster, "web2", pnode="node1", src_node="node2", src_path="web1", disk_template="file")
    instance = cluster.instance("web2")
    assert instance.disk_template == "file"
    (renaming,) = [call for call in cluster.nodes["node1"].providers.calls if isinstance(call, RenameInOs)]
    assert (renaming.guest.name, renaming.old_name) == ("web2", "web1")


async def test_to_mirrored_disks(cluster):
    await exported(cluster)
    await imported(cluster, pnode="node1", snode="node3", disk_template="drbd")
    assert cluster.instance("web1").disk_template == "drbd"


async def test_an_allocator_can_choose_the_node(cluster):
    await exported(cluster)
    (node,) = await imported(cluster)
    assert node in cluster.nodes


async def test_by_its_directory_as_ganetis_tools_name_it(cluster):
    await exported(cluster)
    await imported(cluster, "web2", pnode="node1", src_node="node2", src_path="/srv/ganeti/export/web1/")
    assert cluster.instance("web2").disks


async def test_the_rename_script_learns_of_its_addresses_also_under_the_same_name(cluster):
    await exported(cluster)
    await imported(cluster, pnode="node1")
    (renaming,) = [call for call in cluster.nodes["node1"].providers.calls if isinstance(call, RenameInOs)]
    assert (renaming.guest.name, renaming.old_name) == ("web1", "web1")


@pytest.mark.parametrize("path", ["/etc", "../web1", "/srv/ganeti/export/../../etc", "/srv/ganeti/export", "a/b", ""])
async def test_no_other_directory_is_looked_into(cluster, path):
    with pytest.raises(errors.GanetiError, match=r"'src_path'|no export of export"):
        await imported(cluster, pnode="node1", src_node="node2", src_path=path or "..")


async def test_of_several_nodes_the_newest_export_is_taken(cluster):
    await exported(cluster, removed=False)
    await export(cluster, node="node3", remove_instance=True)
    edit(cluster, f"timestamp = {int(cluster.clock.now())}", "timestamp = 17", node="node3")
    edit(cluster, "vcpus = 1", "vcpus = 5")
    await imported(cluster, pnode="node1")
    assert cluster.instance("web1").beparams["vcpus"] == 5


async def noted(cluster):
    """What the job says of an import that is successful."""
    given = {"instance_name": "web1", "mode": "import", "disks": [], "nics": [], "pnode": "node1"}
    number = await cluster.submit("OP_INSTANCE_CREATE", **given, name_check=False, ip_check=False, start=False)
    assert (await cluster.finished(number)).status == "success"
    return cluster.log(number)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("version = 0", "version = 7", "web1 on node3: config.ini: version '7'"),
        ("timestamp = ", "timestamp = 9000", "web1 on node3 says that it was made later than now.*--src-node=node3"),
    ],
)
async def test_one_that_makes_no_sense_does_not_prevent_an_import_of_another(cluster, old, new, told):
    await exported(cluster, removed=False)
    await export(cluster, node="node3", remove_instance=True)
    edit(cluster, old, new, node="node3")
    edit(cluster, "vcpus = 1", "vcpus = 5")
    (line,) = [line for line in await noted(cluster) if "the newest of the others is taken" in line]
    assert re.search(told, line)
    assert cluster.instance("web1").beparams["vcpus"] == 5


async def test_one_from_later_than_now_is_taken_only_where_its_node_is_named(cluster):
    await exported(cluster)
    edit(cluster, "timestamp = ", "timestamp = 9000")
    with pytest.raises(errors.WrongInput, match="made later than now"):
        await imported(cluster, pnode="node1")
    await imported(cluster, pnode="node1", src_node="node2")


async def test_a_node_that_does_not_tell_what_it_has_is_named(cluster):
    await exported(cluster)
    cluster.network.cut_off.add("10.0.0.3")
    assert any("node3 does not tell" in line for line in await noted(cluster))


async def test_an_export_is_not_removed_while_it_is_imported_by_its_short_name(cluster):
    remove = BackupRemove(instance_name="web9.example.com").locks(cluster.state)
    for name, path in (("web9", None), ("WEB9", None), ("web9.example.com", None), ("new", "web9.example.com")):
        create = InstanceCreate(instance_name=name, mode="import", disks=[], nics=[], src_path=path)
        create = create.locks(cluster.state)
        both = remove.modes.keys() & create.modes.keys()
        assert any((remove.modes[lock], create.modes[lock]) not in COMPATIBLE for lock in both), name


async def test_what_is_given_counts_instead_of_what_the_export_says(cluster):
    await exported(cluster)
    given = {
        "disks": [{"size": 128}, {}, {"size": 16}],
        "nics": [{"mac": "aa:00:00:00:00:42"}],
        "beparams": {"memory": 512},
        "osparams": {"suite": "b"},
        "tags": ["green"],
        "hvparams": {"kernel_path": "/boot/other"},
        "hypervisor": "kvm",
    }
    await cluster.run("OP_CLUSTER_SET_PARAMS", enabled_hypervisors=["fake", "kvm"])
    await imported(cluster, pnode="node1", **given)
    instance = cluster.instance("web1")
    assert [disk.size for disk in instance.disks] == [128, 32, 16]
    assert [nic.mac for nic in instance.nics] == ["aa:00:00:00:00:42"]
    assert instance.beparams.items() >= {"maxmem": 512, "minmem": 512}.items()
    assert (instance.osparams, instance.tags, instance.hypervisor) == ({"suite": "b"}, {"green"}, "kvm")


async def test_without_network_cards_if_that_is_wanted(cluster):
    await exported(cluster)
    await imported(cluster, pnode="node1", no_nics=True)
    assert cluster.instance("web1").nics == ()


async def test_what_equals_the_clusters_can_follow_it(cluster):
    await exported(cluster)
    await imported(cluster, pnode="node1", identify_defaults=True)
    assert cluster.instance("web1").beparams == {}


async def test_the_mac_address_of_one_that_is_still_there_is_refused(cluster):
    await exported(cluster, removed=False)
    with pytest.raises(errors.NotUnique, match=r"MAC address .* is in use by another card"):
        await imported(cluster, "web2", pnode="node1", src_path="web1")
    await imported(cluster, "web2", pnode="node1", src_path="web1", nics=[{"mac": "generate"}])


async def test_a_card_in_a_network_is_in_it_again(cluster):
    network = Network(uuid="uuid-net", name="net1", network="10.1.0.0/29", serial_no=1)
    group = evolve(cluster.state.groups[0], networks={"uuid-net": {"mode": "bridged", "link": "br9"}})
    await cluster.master.configuration.commit([network, group])
    before = await exported(cluster, nics=[{"network": "net1", "ip": "10.1.0.3"}])
    await imported(cluster, pnode="node1")
    (nic,) = cluster.instance("web1").nics
    assert (nic.network, nic.ip, nic.nicparams) == ("uuid-net", "10.1.0.3", {})
    assert nic.mac == before.nics[0].mac


async def test_what_reaches_files_and_programs_of_nodes_is_not_taken_from_an_export(cluster):
    await cluster.run("OP_CLUSTER_SET_PARAMS", enabled_hypervisors=["fake", "kvm"])
    await exported(cluster, hypervisor="kvm", hvparams={"kernel_path": "/boot/mine", "acpi": False})
    with pytest.raises(errors.WrongInput, match=r"kernel_path=/boot/mine, which reaches a node's path.*-H") as refused:
        await imported(cluster, pnode="node1")
    assert len(refused.value.message.splitlines()) == 1
    given = {"hypervisor": "kvm", "hvparams": {"kernel_path": "/boot/mine"}}
    await imported(cluster, pnode="node1", **given)
    assert cluster.instance("web1").hvparams["kernel_path"] == "/boot/mine"


async def test_parameters_that_there_are_not_here_are_left_out_and_named(cluster):
    await exported(cluster)
    edit(cluster, "[backend]\n", "[backend]\nstrange_one = 7\n")
    number = await cluster.submit(
        "OP_INSTANCE_CREATE",
        instance_name="web1",
        mode="import",
        disks=[],
        nics=[],
        pnode="node1",
        name_check=False,
        ip_check=False,
        start=True,
    )
    assert (await cluster.finished(number)).status == "success"
    assert any("strange_one" in line for line in cluster.log(number))
    assert await cluster.list("instance", "status") == [["running"]]


async def test_what_an_older_ganeti_has_written_is_enough(cluster):
    await exported(cluster)
    text = (
        "[export]\nversion = 0\ntimestamp = 1258547362\nsource = node1.example.com\nos = tiny\ncompression = gzip\n"
        "[instance]\nname = web1\nmemory = 128\nvcpus = 2\ndisk_template = plain\nnic0_mac = aa:00:00:33:d3:4d\n"
        "nic0_ip = None\nnic_count = 1\ndisk0_ivname = disk/0\ndisk0_size = 1024\ndisk0_dump = a.snap-1\n"
        "disk_count = 1\n"
    )
    directory(cluster, name="web1/config.ini").write_text(text)
    directory(cluster, name="web1/a.snap-1").write_text("dump")
    await imported(cluster, pnode="node1")
    instance = cluster.instance("web1")
    assert (instance.beparams["maxmem"], instance.nics[0].mac) == (128, "aa:00:00:33:d3:4d")
    assert list(cluster.nodes["node1"].providers.imported.values()) == ["dump"]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"name": "web2"}, r"No node that answers has an export of web2; 'gnt-backup list'"),
        ({"src_node": "node1"}, "On node node1: There is no export of web1 on this node"),
        ({"src_node": "node9"}, "Node 'node9' not known"),
        ({"disks": [{"size": 64}]}, "the export has 2 disks, and only 1 are given"),
        (
            {"disks": [{"size": 63}, {"size": 16}]},
            "in the export disk 0 has 64M, more than 63M\n.*in the export disk 1 has 32M, more than 16M",
        ),
        ({"disks": [{"adopt": "a"}, {"adopt": "b"}]}, "nothing can be adopted"),
        ({"no_install": True}, "'no_install'"),
        ({"forthcoming": True}, "cannot be forthcoming"),
        ({"no_nics": True, "nics": [{}]}, "mutually exclusive"),
        ({"disk_template": "blockdev"}, "blockdev"),
        ({"disk_template": "rbd"}, "'rbd' is not enabled"),
        ({"hypervisor": "kvm"}, "'kvm' is not enabled"),
        ({"os_type": "nothing"}, "OS 'nothing' cannot be imported on node1"),
        ({"compress": "lzop"}, "'compress'"),
        ({"mode": "remote-import"}, "no cluster domain secret"),
        ({"mode": "create", "disks": [{"size": 1}], "src_node": "node2", "disk_template": "plain"}, "'src_node'"),
        ({"source_x509_ca": "x"}, "'source_x509_ca' is of mode 'remote-import' alone"),
    ],
)
async def test_what_cannot_be_imported_is_refused(cluster, more, told):
    await exported(cluster)
    with pytest.raises(errors.GanetiError, match=told):
        await imported(cluster, **({"name": "web1", "pnode": "node1"} | more))
    assert await cluster.list("instance", "name") == []
    assert disks(cluster, "node1") == {}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("version = 0", "version = 7", "The export of web1 on node2: config.ini: version '7'"),
        (
            "maxmem = 128\nminmem = 128\nspindle",
            "maxmem = lots\nminmem = 128\nspindle",
            r"\[backend\].*maxmem|'maxmem'",
        ),
        ("nic0_mac = ", "nic0_mac = zz", "The export's NIC 0|'mac'"),
        ("nic0_link = xen-br0", "nic0_link = --", "NIC 0: .*link '--' is not a name that a network device"),
        ("nic0_link = xen-br0", "nic0_link = a b", "NIC 0: .*link 'a b' is not a name"),
        ("nic0_link = xen-br0", "nic0_link = ../x", "NIC 0: .*link '../x' is not a name"),
        ("disk0_dump = ", "disk0_dump = ../", "'dump'"),
        ("disk0_dump = ", "disk0_dump = not-there-", "has no file 'not-there-"),
    ],
)
async def test_an_export_that_makes_no_sense_is_refused_and_nothing_is_left(cluster, old, new, told):
    await exported(cluster)
    edit(cluster, old, new)
    with pytest.raises(errors.GanetiError, match=told):
        await imported(cluster, pnode="node1")
    assert await cluster.list("instance", "name") == []
    assert disks(cluster, "node1") == {}


async def test_a_configuration_that_is_a_link_or_much_too_large_is_not_read(cluster):
    await exported(cluster)
    path = directory(cluster, name="web1/config.ini")
    path.write_text("x" * (1024**2 + 1))
    with pytest.raises(errors.WrongInput, match="has more than 1048576 bytes"):
        await imported(cluster, pnode="node1")
    path.unlink()
    path.symlink_to("/etc/passwd")
    with pytest.raises(errors.UnknownEntity, match="no export of web1"):
        await imported(cluster, pnode="node1", src_node="node2")


async def test_if_a_script_fails_nothing_is_left_of_the_instance(cluster):
    await exported(cluster)
    cluster.nodes["node1"].providers.broken = True
    with pytest.raises(errors.ExecutionFailed, match="'import' script"):
        await imported(cluster, pnode="node1")
    assert await cluster.list("instance", "name") == []
    assert disks(cluster, "node1") == {}


async def test_dumps_are_compressed_on_their_way_as_it_is_asked_for(cluster):
    await exported(cluster)
    await imported(cluster, pnode="node1", compress="gzip")
    assert "gzip" in cluster.disks.copying.compressed
