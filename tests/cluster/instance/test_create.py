# SPDX-License-Identifier: BSD-2-Clause
"""Creating an instance."""

import pytest

from ganeti import errors
from ganeti.model.entity import evolve
from ganeti.model.guest import disks_of, guest_of
from tests.cluster.paper import running


async def test_a_created_instance_runs_on_its_node(cluster):
    await cluster.add("web1", node="node2")
    assert await cluster.list("instance", "name", "pnode", "status") == [["web1", "node2", "running"]]
    assert await cluster.nodes["node2"].guests() == {"web1": "running"}


async def test_a_creation_with_a_node_that_is_not_there_changes_nothing(cluster):
    before = cluster.state
    with pytest.raises(errors.UnknownEntity, match="Node 'node9' not known"):
        await cluster.add("web1", node="node9")
    assert cluster.state is before


async def test_a_name_is_given_once_only(cluster):
    await cluster.add("web1")
    with pytest.raises(errors.AlreadyExists, match="'web1' is already in the cluster"):
        await cluster.add("web1", node="node2")


async def test_too_little_memory_is_told_with_figures(cluster):
    with pytest.raises(errors.InsufficientResources, match=r"node1 has \d+ MiB of free memory, web1 needs 32768 MiB"):
        await cluster.add("web1", beparams={"memory": "32g"})


async def test_the_instance_policy_is_kept(cluster):
    with pytest.raises(errors.WrongInput, match="cpu-count is 9; the policy allows 1 to 8"):
        await cluster.add("web1", beparams={"vcpus": 9})
    await cluster.add("web1", beparams={"vcpus": 9}, ignore_ipolicy=True)


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"beparams": {"foo": 1}}, "there is no parameter 'foo'; known are always_failover"),
        ({"beparams": {"maxmem": "lots"}}, "'lots' is not a size"),
        ({"beparams": {"minmem": 256, "maxmem": 128}}, "more than maxmem"),
        ({"beparams": {"minmem": 256}}, "of web1: minmem, 256 MiB, is more than maxmem, 128 MiB"),
        ({"hvparams": {"migration_mode": "live"}}, "whole cluster only"),
        ({"hypervisor": "kvm"}, "'kvm' is not enabled in this cluster; enabled are fake"),
        ({"disk_template": "floppy"}, "'floppy' is not allowed; choose from blockdev, diskless, drbd, ext, file"),
        ({"disks": [{"size": 64, "color": "red"}]}, "Disk 0: there is no parameter 'color'"),
        ({"disks": [{"size": "-5"}]}, "'-5' is not a size"),
        ({"disks": []}, "needs a disk"),
        ({"file_storage_dir": "../../etc"}, "must be a path below"),
        ({"file_storage_dir": "/etc"}, "must be a path below"),
        ({"file_storage_dir": "a\0b"}, "'file_storage_dir': expected a text without control characters"),
        ({"disks": [{"size": 64, "name": "a\n"}]}, "'name': expected a name that is not a number, without control"),
        ({"nics": [{"link": "br\n0"}]}, "'link': expected a text without control characters"),
        ({"osparams": {"a": {"b": 1}}}, "Parameter 'osparams': 'a' must be a text or a number"),
        ({"osparams_secret": {"pin": "1\0"}}, "Parameter 'osparams_secret': 'pin' must be a text or a number"),
        ({"nics": [{"mac": "01:00:00:00:00:01"}]}, "expected the MAC address of a card"),
        ({"nics": [{"ip": "300.1.1.1"}]}, "'300.1.1.1' is not an IP address"),
        ({"nics": [{"mode": "magic"}]}, "'magic' is not allowed; choose from bridged"),
        ({"instance_name": "../../etc/passwd"}, "expected a host name"),
        ({"os_type": "../evil"}, "expected an OS name"),
        ({"mode": "remote-import"}, "has no cluster domain secret"),
        ({"compress": "gzip", "src_node": "node1"}, "Parameter 'src_node' is of mode 'import' alone"),
        ({"file_driver": "blktap"}, "Parameter 'file_driver': 'blktap' is not supported yet"),
        (
            {"nics": [{"mode": "routed", "vlan": ".10"}]},
            "vlan '.10' is for mode 'bridged' or 'openvswitch', not for 'routed'",
        ),
        (
            {"nics": [{"mode": "openvswitch", "vlan": ".4095"}]},
            "NIC 0: parameter 'vlan': expected VLANs from 1 to 4094",
        ),
        ({"nics": [{"mode": "openvswitch", "vlan": "--all"}]}, "expected VLANs from 1 to 4094, such as .10"),
        ({"nics": [{"network": "lan", "vlan": ".7"}]}, "vlan cannot be given with a network"),
        ({"nics": [{"network": "lan"}]}, "NIC 0: Network 'lan' not known"),
    ],
)
async def test_bad_input_is_told_by_the_parameters_name_and_changes_nothing(cluster, parameters, told):
    before = cluster.state
    with pytest.raises(errors.CheckFailed) as caught:
        await cluster.add(parameters.pop("instance_name", "web1"), start=False, **parameters)
    assert told in caught.value.message
    assert cluster.state is before
    assert cluster.disks.shared == {}


@pytest.mark.parametrize(
    ("blacklisted", "os"), [("tiny", "tiny+small"), ("tiny+small", "tiny+small"), ("tiny", "tiny")]
)
async def test_nothing_is_installed_with_a_blacklisted_os(cluster, blacklisted, os):
    await cluster.run("OP_CLUSTER_SET_PARAMS", blacklisted_os=[["add", blacklisted]])
    with pytest.raises(errors.WrongState, match="is blacklisted"):
        await cluster.add("web1", no_install=False, os_type=os, force_variant=True, start=False)
    await cluster.add("web1", no_install=True, os_type=os, start=False)


CREATE = {"mode": "create", "instance_name": "web1", "disk_template": "sharedfile", "pnode": "node1"}


async def test_what_is_wrong_with_disks_and_cards_is_told_at_once_before_there_is_a_job(cluster):
    disks, nics = [{"size": "1g"}, {"size": "lots", "mode": "rwx"}], [{"mac": "auto"}, {"ip": "300.1.1.1", "lnik": 1}]
    with pytest.raises(errors.WrongInput) as caught:
        await cluster.submit("OP_INSTANCE_CREATE", **CREATE, disks=disks, nics=nics)
    assert [line.partition(";")[0] for line in caught.value.message.splitlines()] == [
        "Disk 1: parameter 'size': 'lots' is not a size",
        "Disk 1: parameter 'mode': 'rwx' is not allowed",
        "NIC 1: there is no parameter 'lnik'",
    ]
    assert list(cluster.master.queue) == []


async def test_all_that_is_wrong_is_told_at_once(cluster):
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node2", drained=True, force=True)
    with pytest.raises(errors.CheckFailed) as caught:
        await cluster.run(
            "OP_INSTANCE_CREATE",
            **CREATE | {"hypervisor": "kvm", "file_storage_dir": "/etc", "pnode": "node2", "beparams": {"foo": 1}},
            disks=[{"size": 64}],
            nics=[{"ip": "10.9.9.9"}, {"ip": "10.9.9.9"}],
        )
    wrong = ("'kvm' is not enabled", "below /srv", "NIC 1: IP address", "no parameter 'foo'", "node2 cannot get")
    assert [text for text in wrong if text not in caught.value.message] == []


@pytest.mark.parametrize("template", ["drbd", "plain", "rbd"])
async def test_of_a_template_that_is_not_enabled_nothing_else_is_said(cluster, template):
    cluster_now = evolve(cluster.state.cluster, enabled_disk_templates=("sharedfile",))
    await cluster.master.configuration.commit([cluster_now])
    with pytest.raises(errors.WrongState, match=f"'{template}' is not enabled") as caught:
        await cluster.add("web1", node="node1", snode="node2", template=template)
    assert "\n" not in caught.value.message


async def test_overrides_are_looked_at_though_something_else_cannot_be_read(cluster):
    with pytest.raises(errors.WrongInput) as caught:
        await cluster.submit(
            "OP_INSTANCE_CREATE",
            **CREATE | {"hypervisor": "fake", "beparams": {"memory": "much"}, "hvparams": {"foo": 1}, "disks": "none"},
        )
    wrong = ("'disks'", "maxmem", "'foo'")
    assert [text for text in wrong if text not in caught.value.message] == []
    instance = {"instance_name": "web2", "disks": 1, "beparams": {"foo": 1}}
    with pytest.raises(errors.WrongInput, match=r"Instance 0 \(web2\): .*'foo'"):
        await cluster.submit("OP_INSTANCE_MULTI_ALLOC", instances=[instance])


async def test_what_the_policy_and_the_node_say_is_told_at_once(cluster):
    with pytest.raises(errors.CheckFailed) as caught:
        await cluster.add("web1", beparams={"memory": "16t"}, os_type="nosuch", no_install=False)
    wrong = ("The instance policy of group default forbids this: memory-size", "nosuch", "MiB of free memory")
    assert [text for text in wrong if text not in caught.value.message] == []


async def test_parameters_of_other_templates_are_told_as_such(cluster):
    with pytest.raises(errors.WrongInput) as caught:
        await cluster.add("web1", disks=[{"size": 64, "adopt": "lv1"}])
    assert caught.value.message.splitlines() == [
        "Disk 0: parameter 'adopt' is for template plain or blockdev, not for 'sharedfile'",
    ]
    with pytest.raises(errors.WrongInput) as caught:
        await cluster.add("web1", disks=[{"size": 64, "provider": "san", "pool": "fast"}])
    assert caught.value.message.splitlines() == [
        "Disk 0: parameter 'provider' is for template ext, not for 'sharedfile'",
        "Disk 0: parameter 'params' is for template ext, not for 'sharedfile'",
    ]


async def test_a_disk_has_the_format_that_is_asked_for_and_what_goes_with_it(cluster):
    wanted = [{"size": 64, "format": "qcow2", "preallocation": "metadata"}, {"size": 64}]
    await cluster.add("web1", disks=wanted)
    one, other = cluster.instance("web1").disks
    assert (one.format, one.params, one.location.rpartition(".")[2]) == (
        "qcow2",
        {"preallocation": "metadata"},
        "qcow2",
    )
    assert (other.format, other.params, other.location.rpartition(".")[2]) == ("raw", {}, "disk1")
    (started,) = cluster.nodes["node1"].hypervisor().started()
    assert [(disk.format, disk.params) for disk in started.disks] == [
        ("qcow2", {"preallocation": "metadata"}),
        ("raw", {"preallocation": "off"}),
    ]


async def test_without_a_template_its_disks_are_of_the_first_that_is_enabled(tmp_path):
    async with running(tmp_path, enabled_disk_templates=("file", "sharedfile")) as cluster:
        await cluster.add("web1", template=None, start=False)
        assert await cluster.list("instance", "disk_template") == [["file"]]


@pytest.mark.parametrize(
    ("template", "disk", "told"),
    [
        (
            "plain",
            {"format": "qcow2"},
            "Disk 0: parameter 'format' is for template file or sharedfile, not for 'plain'",
        ),
        ("plain", {"preallocation": "off"}, "'preallocation' is for template file or sharedfile, not for 'plain'"),
        ("file", {"preallocation": "metadata"}, "Disk 0: parameter 'preallocation' is for format 'qcow2'"),
        ("file", {"format": "raw", "preallocation": "off"}, "'preallocation' is for format 'qcow2'"),
        ("file", {"format": "qcow"}, "'qcow' is not allowed"),
        ("file", {"format": "qcow2", "preallocation": "full"}, "'full' is not allowed"),
    ],
)
async def test_a_format_that_a_disk_cannot_have_is_refused(tmp_path, template, disk, told):
    async with running(tmp_path, enabled_disk_templates=("plain", "file"), vg_name="xenvg") as cluster:
        with pytest.raises(errors.WrongInput) as caught:
            await cluster.add("web1", template=template, disks=[{"size": 64, **disk}])
        assert told in caught.value.message


@pytest.mark.parametrize("value", ["qcow2", "vhd"])
async def test_a_provider_of_external_storage_has_its_parameter_of_that_name_before_us(tmp_path, value):
    async with running(tmp_path, enabled_disk_templates=("ext",)) as cluster:
        await cluster.add("web1", template="ext", disks=[{"size": 64, "provider": "san", "format": value}])
        (disk,) = cluster.instance("web1").disks
        assert (disk.format, disk.params["format"], disk.location.rpartition(".")[2]) == ("raw", value, "disk0")


async def test_images_of_ceph_have_ganetis_names_and_the_clusters_pool_unless_a_disk_says_more(tmp_path):
    settings = {"enabled_disk_templates": ("rbd",), "diskparams": {"rbd": {"pool": "fast"}}}
    async with running(tmp_path, **settings) as cluster:
        await cluster.add("web1", template="rbd", disks=[{"size": 64, "access": "userspace"}, {"size": 64}])
        web = cluster.instance("web1")
        assert [disk.location for disk in web.disks] == [f"rbd/{d.uuid}.rbd.disk{n}" for n, d in enumerate(web.disks)]
        common = {"pool": "fast", "user-id": ""}
        assert [disk.params for disk in disks_of(cluster.state, web)] == [
            {**common, "access": "userspace"},
            {**common, "access": "kernelspace"},
        ]
        await cluster.run("OP_CLUSTER_SET_PARAMS", diskparams={"rbd": {"pool": "slow"}})
        # Where they were made they are.
        assert {disk.params["pool"] for disk in disks_of(cluster.state, web)} == {"fast"}
        await cluster.run("OP_INSTANCE_MIGRATE", instance_name="web1", target_node="node2")


async def test_disks_and_cards_are_taken_as_commands_and_earlier_versions_wrote_them(cluster):
    disks = [{"size": "1g", "spindles": "none", "name": "none", "mode": "ro"}, {"size": 64, "name": None}]
    nics = [{"mac": None, "ip": "none", "mode": "bridged", "link": ""}, {"ip": "2001:DB8::1", "bridge": "br1"}]
    await cluster.add("web1", start=False, disks=disks, nics=nics)
    web = cluster.instance("web1")
    assert [(disk.size, disk.spindles, disk.name, disk.mode) for disk in web.disks] == [
        (1024, None, None, "ro"),
        (64, None, None, "rw"),
    ]
    assert [(nic.ip, nic.nicparams) for nic in web.nics] == [
        (None, {"mode": "bridged"}),
        ("2001:db8::1", {"link": "br1"}),
    ]


@pytest.mark.parametrize(("what", "most"), [("disks", 16), ("nics", 8)])
async def test_an_instance_has_so_many_disks_and_cards_and_no_more(cluster, what, most):
    given = {"disks": [{"size": 4}], "nics": [], what: [{"size": 4} if what == "disks" else {}] * (most + 1)}
    with pytest.raises(errors.WrongInput, match=rf"Parameter '{what}': expected a list with at most {most} items"):
        await cluster.submit("OP_INSTANCE_CREATE", **CREATE, **given)


async def test_a_failing_step_is_undone(cluster):
    cluster.nodes["node1"].equipment.storages["sharedfile"].create = failing
    with pytest.raises(errors.ExecutionFailed, match="disk broke"):
        await cluster.add("web1", start=False, disks=[{"size": 64}, {"size": 64}])
    assert cluster.state.instances == []
    assert cluster.disks.shared == {}


async def failing(*args, **more):
    raise errors.ExecutionFailed("the disk broke")


async def test_mac_addresses_are_unique(cluster):
    await cluster.add("web1", nics=[{"mac": "aa:00:00:00:00:01"}], start=False)
    with pytest.raises(errors.NotUnique, match="aa:00:00:00:00:01 is in use"):
        await cluster.add("web2", nics=[{"mac": "AA:00:00:00:00:01"}], start=False)


async def test_parameters_of_several_layers_must_go_together(cluster):
    await cluster.run("OP_CLUSTER_SET_PARAMS", enabled_hypervisors=["fake", "kvm"], hvparams={"kvm": {"vnc_tls": True}})
    kvm = {"hypervisor": "kvm", "start": False}
    with pytest.raises(errors.WrongInput, match="web1: disk_aio 'native' needs disk_cache to be 'none'"):
        await cluster.add("web1", **kvm, hvparams={"disk_aio": "native"})
    await cluster.run("OP_CLUSTER_SET_PARAMS", hvparams={"kvm": {"disk_cache": "none"}})
    # The cluster's disk_cache and vnc_tls are what these need.
    await cluster.add("web1", **kvm, hvparams={"disk_aio": "native", "vnc_x509_path": "/etc/tls"})
    with pytest.raises(errors.WrongInput, match="web2: minmem, 256 MiB, is more than maxmem, 128 MiB"):
        await cluster.add("web2", **kvm, beparams={"minmem": 256})


async def test_an_address_is_given_once_on_a_link(cluster):
    await cluster.add("web1", nics=[{"ip": "192.0.2.7"}], start=False)
    for nics in ([{"ip": "192.0.2.7"}], [{"ip": "192.0.2.8"}, {"ip": "192.0.2.8"}]):
        with pytest.raises(errors.NotUnique, match=r"IP address 192.0.2.[78] is in use on the same link"):
            await cluster.add("web2", nics=nics, start=False)
    await cluster.add("web2", nics=[{"ip": "192.0.2.7", "link": "br1"}], start=False)


async def test_secret_parameters_of_an_os_may_be_numbers(cluster):
    await cluster.add("web1", osparams_secret={"pin": 1234}, start=False)


async def test_what_equals_the_clusters_parameters_is_not_kept_if_it_is_to_follow_them(cluster):
    await cluster.add("web1")
    usual = guest_of(cluster.state, cluster.instance("web1"))
    link = usual.nics[0].link
    own = {"vcpus": usual.beparams.vcpus, "maxmem": usual.beparams.maxmem + 1}
    await cluster.add("web2", identify_defaults=True, beparams=own, nics=[{"link": link}, {"link": "br7"}])
    made = cluster.instance("web2")
    assert made.beparams == {"maxmem": usual.beparams.maxmem + 1}
    assert [nic.nicparams for nic in made.nics] == [{}, {"link": "br7"}]
    await cluster.add("web3", beparams={"vcpus": usual.beparams.vcpus})
    assert cluster.instance("web3").beparams == {"vcpus": usual.beparams.vcpus}
