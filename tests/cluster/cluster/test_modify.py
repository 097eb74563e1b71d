# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the cluster."""

import pytest
from msgspec.structs import replace

from ganeti import errors
from ganeti.model.disk import DiskTemplate
from ganeti.model.entity import evolve
from ganeti.model.parameters.policy import Bounds, Spec


async def test_parameters_of_the_cluster_are_inherited_by_instances(cluster):
    await cluster.add("web1", start=False)
    await cluster.run("OP_CLUSTER_SET_PARAMS", beparams={"maxmem": "1g", "vcpus": 2})
    assert await cluster.list("instance", "be/maxmem", "be/vcpus", "custom_beparams") == [[1024, 2, {}]]
    await cluster.run("OP_CLUSTER_SET_PARAMS", beparams={"maxmem": "default"})
    assert await cluster.list("instance", "be/maxmem", "be/vcpus") == [[128, 2]]


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({}, "Nothing to change"),
        ({"hvparams": {"kvm": {"nope": 1}}}, "Parameter 'hvparams' of kvm: there is no parameter 'nope'"),
        ({"hvparams": {"kvm": {"disk_aio": "native"}}}, "of kvm: disk_aio 'native' needs disk_cache to be 'none'"),
        ({"os_hvp": {"debian": {"kvm": {"disk_aio": "native"}}}}, "'os_hvp of debian' of kvm: disk_aio 'native' needs"),
        ({"hvparams": {"vmware": {}}}, "'vmware' is not supported; choose from kvm, fake"),
        ({"hvparams": {"kvm": {"kernel_args": "ro\nkvm_path=/x"}}}, "of kvm: 'kernel_args' has a control character"),
        ({"nicparams": {"link": "br\n0"}}, "Parameter 'nicparams': 'link' has a control character"),
        ({"osparams": {"debian": {"a=b": 1}}}, "Parameter 'osparams' of debian: 'a=b' is no name of a parameter"),
        ({"osparams_private_cluster": {"debian": {"a": [1]}}}, "of debian: 'a' must be a text or a number"),
        ({"hvparams": {"kvm": {"disk_cache": "fast"}}}, "'fast' is not allowed; choose from default, none, write"),
        ({"mac_prefix": "zz"}, "expected the beginning of a MAC address"),
        ({"candidate_pool_size": 0}, "expected a whole number of at least 1"),
        ({"file_storage_dir": "relative"}, "expected an absolute path below '/'"),
        ({"file_storage_dir": "/"}, "expected an absolute path below '/'"),
        ({"file_storage_dir": "/srv/../etc"}, "expected an absolute path below '/'"),
        ({"file_storage_dir": ""}, "disk template 'file' is enabled and needs a directory"),
        ({"master_netmask": 33}, "an IPv4 prefix has at most 32 bits, not 33"),
        ({"master_netdev": "two words"}, "expected the name of a network device"),
        ({"default_iallocator": "nosuch"}, "there is no allocator 'nosuch'; choose from hail"),
        ({"default_iallocator_params": {"foo": "1"}}, "hail has no parameter 'foo'; it has ignore-soft-errors, no-cap"),
        (
            {"nicparams": {"mode": "flat"}},
            "Parameter 'mode': 'flat' is not allowed; choose from bridged, routed, openvswitch",
        ),
        (
            {"ipolicy": {"std": {"memory-size": 99999}}},
            "the standard instance's memory-size, 99999, is outside of the bounds",
        ),
        ({"beparams": {"memory": 0}}, "expected a whole number of at least 1"),
        ({"hidden_os": [["drop", "debian"]]}, "hidden_os"),
        (
            {"mac_prefix": "aa:bb:cc", "beparams": {"minmem": 512}, "nicparams": {"link": ""}, "master_netmask": 64},
            "maxmem, 128 MiB\nParameter 'nicparams': mode 'bridged' needs a link, the name of the bridge\nParameter",
        ),
        (
            {"ipolicy": {"disk-templates": ["bogus"]}},
            "disk-templates: there is no template 'bogus'; choose from blockdev",
        ),
        ({"ipolicy": {"disk-templates": []}}, "disk-templates needs at least one of blockdev"),
        ({"ipolicy": {"minmax": "all"}}, "Parameter 'minmax': expected a list"),
        ({"hvparams": {"kvm": {"cpu_mask": "0:9-1"}}}, "cpu_mask: 9-1 is not a range, it ends before it begins"),
        ({"beparams": {"auto_balance": "1"}}, "'1' is neither yes nor no"),
        ({"ipolicy": {"vcpu-ratio": "many"}}, "Parameter 'vcpu-ratio'"),
        ({"enabled_disk_templates": ["floppy"]}, "'floppy' is not allowed; choose from blockdev, diskless"),
        ({"enabled_disk_templates": ["drbd"]}, "'drbd' is enabled and needs an LVM volume group"),
        ({"vg_name": "-x"}, "the name of an LVM volume group"),
        ({"beparams": {"minmem": "2g", "maxmem": "1g"}}, "more than maxmem"),
    ],
)
async def test_bad_parameters_are_told_and_change_nothing(cluster, parameters, told):
    before = cluster.state
    with pytest.raises(errors.WrongInput) as caught:
        await cluster.run("OP_CLUSTER_SET_PARAMS", **parameters)
    assert told in caught.value.message
    assert cluster.state is before


async def test_all_that_is_wrong_is_told_at_once(cluster):
    await cluster.add("web1")
    with pytest.raises(errors.WrongInput) as caught:
        await cluster.run(
            "OP_CLUSTER_SET_PARAMS",
            hvparams={"kvm": {"vga": "bogus", "nope": 1}, "vmware": {}},
            os_hvp={"debian": {"kvm": {"cpu_mask": "3-1"}}},
            beparams={"vcpus": 0},
            default_iallocator="nosuch",
            master_netdev="br9",
            enabled_disk_templates=["file"],
            nicparams={"link": ""},
        )
    wrong = ("'vga'", "'nope'", "'vmware'", "cpu_mask", "'vcpus'", "'nosuch'", "'br9'", "in use by", "needs a link")
    assert [text for text in wrong if text not in caught.value.message] == []


async def test_what_is_not_said_of_bounds_and_sizes_stays_as_it_is(cluster):
    before = cluster.state.cluster.ipolicy
    one = {"minmax": [{"max": {"memory-size": 2048}}], "std": {"cpu-count": 2}}
    await cluster.run("OP_CLUSTER_SET_PARAMS", ipolicy=one)
    after = cluster.state.cluster.ipolicy
    (bounds,) = after.minmax
    assert (bounds.min, bounds.max) == (before.minmax[0].min, replace(before.minmax[0].max, memory_size=2048))
    assert after.std == replace(before.std, cpu_count=2)
    two = {"minmax": [{}, {"min": {"cpu-count": 4}}]}
    await cluster.run("OP_CLUSTER_SET_PARAMS", ipolicy=two)
    first, second = cluster.state.cluster.ipolicy.minmax
    assert (first, second) == (bounds, Bounds(min=Spec(cpu_count=4)))


async def test_what_instances_use_cannot_be_switched_off(cluster):
    await cluster.add("web1")
    with pytest.raises(errors.WrongState, match="'sharedfile' is in use by instance web1"):
        await cluster.run("OP_CLUSTER_SET_PARAMS", enabled_disk_templates=["file"])


async def test_a_larger_pool_promotes_nodes(cluster):
    await cluster.master.configuration.commit([evolve(cluster.node("node3"), master_candidate=False)])
    await cluster.run("OP_CLUSTER_SET_PARAMS", candidate_pool_size=5)
    assert await cluster.list("node", "role") == [["M"], ["C"], ["C"]]


async def test_what_it_is_already_is_no_error(cluster):
    before = cluster.state
    await cluster.run("OP_CLUSTER_SET_PARAMS", candidate_pool_size=before.cluster.candidate_pool_size)
    assert cluster.state is before


async def test_a_directory_is_switched_off_where_its_template_is(cluster):
    await cluster.run("OP_CLUSTER_SET_PARAMS", enabled_disk_templates=["diskless", "sharedfile"], file_storage_dir="")
    assert cluster.state.cluster.file_storage_dir == ""
    await cluster.add("web1", node=None)
    with pytest.raises(errors.WrongInput, match="'file' is enabled and needs a directory"):
        await cluster.run("OP_CLUSTER_SET_PARAMS", enabled_disk_templates=["sharedfile", "file"])


async def test_an_allocator_that_is_there_can_be_the_default(cluster):
    program = cluster.root / "iallocators/mine"
    program.parent.mkdir()
    program.touch(mode=0o755)
    await cluster.run("OP_CLUSTER_SET_PARAMS", default_iallocator="mine")
    assert cluster.state.cluster.default_iallocator == "mine"


async def test_a_change_of_inherited_memory_has_to_fit_every_instance(cluster):
    await cluster.add("web1", beparams={"maxmem": 256})
    with pytest.raises(errors.WrongInput, match="of web1: minmem, 512 MiB, is more than maxmem, 256 MiB"):
        await cluster.run("OP_CLUSTER_SET_PARAMS", beparams={"memory": 512})


async def test_a_volume_group_that_a_node_lacks_is_refused_unless_forced(cluster, monkeypatch):
    async def problems(unit):
        return (f"There is no volume group '{unit.key}'",) if unit.key == "xenvg" else ()

    monkeypatch.setattr(cluster.nodes["node2"].equipment.storages[DiskTemplate.PLAIN], "problems", problems)
    enabled = {"enabled_disk_templates": ["sharedfile", "diskless", "plain"]}
    with pytest.raises(errors.WrongInput, match="On node node2: There is no volume group 'xenvg'"):
        await cluster.run("OP_CLUSTER_SET_PARAMS", **enabled, vg_name="xenvg")
    await cluster.run("OP_CLUSTER_SET_PARAMS", **enabled, vg_name="othervg")
    await cluster.run("OP_CLUSTER_SET_PARAMS", vg_name="xenvg", force=True)
    assert cluster.state.cluster.vg_name == "xenvg"


async def test_it_is_refused_before_any_template_uses_it_and_can_be_taken_back(cluster, monkeypatch):
    async def problems(unit):
        return (f"There is no volume group '{unit.key}'",)

    monkeypatch.setattr(cluster.nodes["node2"].equipment.storages[DiskTemplate.PLAIN], "problems", problems)
    with pytest.raises(errors.WrongInput, match="On node node2: There is no volume group 'nope'"):
        await cluster.run("OP_CLUSTER_SET_PARAMS", vg_name="nope")
    await cluster.run("OP_CLUSTER_SET_PARAMS", vg_name="nope", force=True)
    await cluster.run("OP_CLUSTER_SET_PARAMS", enabled_disk_templates=["sharedfile", "file"])
    with pytest.raises(errors.WrongInput, match="On node node2: There is no volume group 'nope'"):
        await cluster.run("OP_CLUSTER_SET_PARAMS", enabled_disk_templates=["sharedfile", "plain"])
    await cluster.run("OP_CLUSTER_SET_PARAMS", vg_name="")
    assert cluster.state.cluster.vg_name is None


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"enabled_disk_templates": ["sharedfile", "plain"]}, "'plain' is enabled and needs an LVM volume group"),
        ({"shared_file_storage_dir": ""}, "'sharedfile' is enabled and needs a directory"),
    ],
)
async def test_nodes_are_not_asked_for_storage_that_has_no_name(cluster, given, told):
    with pytest.raises(errors.WrongInput, match=told) as caught:
        await cluster.run("OP_CLUSTER_SET_PARAMS", **given)
    assert len(caught.value.message.splitlines()) == 1


async def test_the_pool_of_user_ids_grows_and_shrinks_and_nodes_know_it(cluster):
    await cluster.run("OP_CLUSTER_SET_PARAMS", uid_pool=[[4000, 4009], [4010, 4019]])
    await cluster.run("OP_CLUSTER_SET_PARAMS", add_uids=[[5000, 5000]], remove_uids=[[4005, 4014]])
    assert cluster.state.cluster.uid_pool == ((4000, 4004), (4015, 4019), (5000, 5000))
    for node in cluster.nodes.values():
        assert node.paths.ssconf("uid_pool").read_text() == "4000-4004\n4015-4019\n5000\n"
    with pytest.raises(errors.WrongInput, match="'remove_uids': 6000 is not in the pool"):
        await cluster.run("OP_CLUSTER_SET_PARAMS", remove_uids=[[6000, 6000]])
    with pytest.raises(errors.WrongInput, match="'add_uids': 0-5 is not a range of user IDs for guests"):
        await cluster.run("OP_CLUSTER_SET_PARAMS", add_uids=[[0, 5]])


@pytest.mark.parametrize("interval", [0, 999_999])
async def test_an_interval_out_of_bounds_is_told_in_seconds_as_it_is_typed(cluster, interval):
    with pytest.raises(errors.WrongInput, match=r"'data_collector_interval' of lv: [\d.]+ seconds .* 1 and 1800$"):
        await cluster.run("OP_CLUSTER_SET_PARAMS", data_collector_interval={"lv": interval})


@pytest.mark.parametrize("emptied", [{"uid_pool": []}, {"remove_uids": [[4000, 4019]]}])
async def test_a_pool_that_guests_need_is_not_emptied(cluster, emptied):
    pool = {"hvparams": {"kvm": {"security_model": "pool"}}, "force": True}
    with pytest.raises(errors.WrongInput, match="'uid_pool': security_model is 'pool'"):
        await cluster.run("OP_CLUSTER_SET_PARAMS", **pool)
    await cluster.run("OP_CLUSTER_SET_PARAMS", **pool, add_uids=[[4000, 4019]])
    with pytest.raises(errors.WrongInput, match="'uid_pool': security_model is 'pool'"):
        await cluster.run("OP_CLUSTER_SET_PARAMS", **emptied)
    none = {"hvparams": {"kvm": {"security_model": "default"}}, "force": True}
    await cluster.add("web1", start=False)
    (instance,) = cluster.state.instances
    await cluster.run("OP_CLUSTER_SET_PARAMS", **none)
    await cluster.master.configuration.commit([evolve(instance, hvparams={"security_model": "pool"})])
    with pytest.raises(errors.WrongState, match="'uid_pool': instance web1 has security_model 'pool'"):
        await cluster.run("OP_CLUSTER_SET_PARAMS", **emptied)
    await cluster.master.configuration.commit([evolve(cluster.state.instances[0], hvparams={})])
    await cluster.run("OP_CLUSTER_SET_PARAMS", **emptied)
    assert cluster.state.cluster.uid_pool == ()


async def test_the_directory_of_gluster_volumes_stays_while_an_instance_has_disks_in_it(cluster):
    gluster = evolve(cluster.state.cluster, enabled_disk_templates=("gluster",))
    await cluster.master.configuration.commit([gluster])
    await cluster.add("web1", template="gluster", start=False)
    with pytest.raises(errors.WrongState, match="web1 has disks below the present directory"):
        await cluster.run("OP_CLUSTER_SET_PARAMS", gluster_storage_dir="/srv/gluster")
    await cluster.run("OP_INSTANCE_REMOVE", instance_name="web1")
    await cluster.run("OP_CLUSTER_SET_PARAMS", gluster_storage_dir="/srv/gluster")
    assert cluster.nodes["node3"].paths.ssconf("gluster_storage_dir").exists()
