# SPDX-License-Identifier: BSD-2-Clause
"""Installing the operating system of an instance anew."""

import pytest

from ganeti import errors
from ganeti.model.disk import DiskUse
from tests.cluster.instance.mirrored import mirroring, uses
from tests.cluster.providers import provide

SECRETS = {"osparams_private": {"key": "a"}, "osparams_secret": {"token": 1}}


@pytest.fixture
async def cluster(tmp_path):
    async with mirroring(tmp_path, enabled_disk_templates=("drbd", "plain", "diskless")) as cluster:
        provide(cluster, "tiny")
        provide(cluster, "debian", variants=["bookworm", "trixie"], parameters=["dhcp", "key", "token"])
        yield cluster


async def add(cluster, template="plain", **more):
    await cluster.add("web1", template=template, **({"start": False, "os_type": "tiny"} | more))


async def reinstall(cluster, **more):
    return await cluster.run("OP_INSTANCE_REINSTALL", instance_name="web1", **more)


def installations(cluster, node="node1"):
    return cluster.nodes[node].providers.calls


async def test_the_operating_system_that_it_has_is_installed_once_more_and_its_scripts_are_told(cluster):
    await add(cluster)
    assert await reinstall(cluster) is None
    (call,) = installations(cluster)
    assert (call.guest.os, call.reinstall) == ("tiny", True)
    assert cluster.instance("web1").os == "tiny"


async def test_another_one_is_recorded_and_brings_its_hypervisor_parameters(cluster):
    await cluster.run("OP_CLUSTER_SET_PARAMS", os_hvp={"debian": {"fake": {"migration_mode": "non-live"}}})
    await add(cluster)
    await reinstall(cluster, os_type="debian+trixie")
    (call,) = installations(cluster)
    assert cluster.instance("web1").os == call.guest.os == "debian+trixie"
    assert call.guest.hvparams["migration_mode"] == "non-live"


async def test_parameters_are_for_this_installation_and_count_more_than_those_that_are_stored(cluster):
    stored = {"osparams": {"dhcp": "yes"}, "osparams_private": {"key": "old"}}
    await add(cluster, os_type="debian+trixie", **stored)
    await reinstall(cluster, osparams={"dhcp": "no"}, **SECRETS)
    (call,) = installations(cluster)
    assert call.guest.osparams == {"dhcp": "no", "key": "a", "token": "1"}
    web = cluster.instance("web1")
    assert (web.osparams, web.osparams_private) == ({"dhcp": "yes"}, {"key": "old"})


async def test_mirrored_disks_are_active_only_while_it_is_installed(cluster):
    await add(cluster, "drbd", snode="node2")
    await reinstall(cluster)
    assert len(installations(cluster)) == 1
    assert uses(cluster) == {"node1": None, "node2": None}
    assert all(copy.up_to_date for copy in cluster.disks.copies.values())


async def test_without_its_secondary_node_it_is_installed_on_the_copies_of_the_primary_one(cluster):
    await add(cluster, "drbd", snode="node3")
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node3", offline=True, force=True)
    await reinstall(cluster)
    assert uses(cluster)["node1"] in (None, DiskUse.STANDBY)
    assert len(installations(cluster)) == 1


@pytest.mark.parametrize(
    ("made", "parameters", "told"),
    [
        ({"start": True}, {}, "is running on node1; stop it first"),
        ({"template": "diskless"}, {}, "has no disks"),
        ({"os_type": None}, {}, "'os_type' is missing"),
        ({}, {"os_type": "nosuch"}, "There is no OS provider 'nosuch'"),
        ({}, {"os_type": "debian"}, "needs a variant: bookworm, trixie"),
        ({}, {"os_type": "debian+sid"}, "has no variant 'sid'"),
        ({}, {"osparams": {"dhcp": "yes"}}, "The OS 'tiny' has no parameter 'dhcp'"),
        ({}, {"osparams_secret": {"pin": "1\0"}}, "OS parameters: 'pin' must be a text or a number"),
    ],
)
async def test_what_is_not_possible_is_refused_before_anything_is_changed(cluster, made, parameters, told):
    await add(cluster, **made)
    before = cluster.state
    with pytest.raises(errors.CheckFailed, match=told):
        await reinstall(cluster, **parameters)
    assert cluster.state is before
    assert installations(cluster) == []


async def test_a_variant_that_is_not_listed_can_be_forced(cluster):
    await add(cluster)
    await reinstall(cluster, os_type="debian+sid", force_variant=True)
    assert cluster.instance("web1").os == "debian+sid"


async def test_nothing_is_installed_with_a_blacklisted_os(cluster):
    await add(cluster)
    await cluster.run("OP_CLUSTER_SET_PARAMS", blacklisted_os=[["add", "tiny"]])
    with pytest.raises(errors.WrongState, match="is blacklisted"):
        await reinstall(cluster)
    await reinstall(cluster, os_type="debian+trixie")


async def test_an_os_whose_hypervisor_parameters_do_not_go_with_the_instance_s_is_refused(tmp_path):
    async with mirroring(tmp_path, enabled_hypervisors=("kvm",)) as cluster:
        provide(cluster, "tiny")
        provide(cluster, "mini")
        await cluster.run(
            "OP_CLUSTER_SET_PARAMS", os_hvp={"mini": {"kvm": {"disk_aio": "native", "disk_cache": "none"}}}
        )
        await add(cluster, hvparams={"disk_cache": "writeback"})
        before = cluster.state
        with pytest.raises(errors.WrongInput, match="disk_aio 'native' needs disk_cache to be 'none'"):
            await reinstall(cluster, os_type="mini")
        assert cluster.state is before


async def test_a_script_that_fails_is_told_with_what_it_leaves_and_the_new_os_stays_recorded(cluster):
    await add(cluster, "drbd", snode="node2")
    providers = cluster.nodes["node1"].providers
    providers.broken = True
    with pytest.raises(
        errors.ExecutionFailed, match=r"may hold anything; .* reinstall it again: .*The 'create' script"
    ):
        await reinstall(cluster, os_type="debian+trixie")
    assert cluster.instance("web1").os == "debian+trixie"
    assert uses(cluster) == {"node1": None, "node2": None}
    providers.broken = False
    await reinstall(cluster)
    assert [call.guest.os for call in providers.calls] == ["debian+trixie"] * 2


async def test_disks_that_are_not_there_are_found_out_before_the_new_os_is_recorded(cluster):
    await add(cluster)
    cluster.nodes["node1"].equipment.storages["plain"].disks.clear()
    with pytest.raises(errors.GanetiError, match="There is no disk"):
        await reinstall(cluster, os_type="debian+trixie")
    assert cluster.instance("web1").os == "tiny"
