# SPDX-License-Identifier: BSD-2-Clause
"""The CPU model that all nodes of a group share (decision 53)."""

import pytest

from ganeti import errors
from ganeti.cli import tree
from ganeti.cli.group import described
from ganeti.cli.instance import _hypervisor_parameters
from ganeti.model.cpu import CpuModel, CpuModels
from ganeti.model.group import Group
from ganeti.model.guest import guest_of
from ganeti.model.node import Node
from ganeti.operations.backup import description
from tests.cluster.cluster.verify.findings import found

MODEST = CpuModels(
    models={
        "Nehalem-v1": CpuModel(features=50),
        "Westmere-v1": CpuModel(features=55),
        "Haswell-v1": CpuModel(("avx", "fma")),
    }
)
RICH = CpuModels(
    models={
        "Nehalem-v1": CpuModel(features=50),
        "Westmere-v1": CpuModel(features=55),
        "Haswell-v1": CpuModel(features=70),
    }
)
OLD = CpuModels(models={"Nehalem-v1": CpuModel(features=50), "Westmere-v1": CpuModel(("aes",))})


def equip(cluster, **models):
    """Nodes with these CPU models, on which guests that lack some are not started."""
    for name, given in models.items():
        driver = cluster.nodes[name].hypervisor("kvm")

        async def cpu_models(parameters, given=given):
            return given

        async def check(guest, resources, given=given):
            if (cpu_type := guest.hvparams["cpu_type"]) and (why := given.problem(cpu_type)):
                raise errors.WrongInput(f"Parameter 'cpu_type': {why}")

        driver.cpu_models, driver.check = cpu_models, check


@pytest.fixture
async def kvm(cluster):
    """The second node has more than the others."""
    await cluster.run("OP_CLUSTER_SET_PARAMS", enabled_hypervisors=["fake", "kvm"])
    equip(cluster, node1=MODEST, node2=RICH, node3=MODEST)
    return cluster


async def follow(cluster, **more):
    await cluster.run("OP_CLUSTER_SET_PARAMS", hvparams={"kvm": {"cpu_type": "group"}}, **more)


def model(cluster, group="default"):
    return cluster.state.find(Group, group).cpu_model


async def runs_with(cluster, node, name="web1"):
    """The CPU type with which a guest was started."""
    (guest,) = (one for one in cluster.nodes[node].hypervisor("kvm").started() if one.name == name)
    return guest.hvparams["cpu_type"]


async def test_guests_get_the_most_that_all_nodes_of_their_group_share(kvm):
    await follow(kvm)
    assert model(kvm) == "Westmere-v1"
    await kvm.add("web1", hypervisor="kvm")
    assert await runs_with(kvm, "node1") == "Westmere-v1"
    assert await kvm.list("group", "cpu_model") == [["Westmere-v1"]]
    assert await found(kvm) == []


async def test_it_is_said_where_the_group_and_its_instances_are_shown(kvm):
    await follow(kvm)
    await kvm.add("web1", hypervisor="kvm", hvparams={"cpu_type": "group"}, start=False)
    fields = ["name", "cpu_model", "ndparams", "custom_ndparams", "diskparams", "custom_diskparams"]
    (row,) = await kvm.list("group", *fields, "ipolicy", "custom_ipolicy")
    shown = tree.render([described(dict(zip([*fields, "ipolicy", "custom_ipolicy"], row, strict=True)))])
    assert any("CPU model: Westmere-v1" in line for line in shown)
    (told,) = (await kvm.run("OP_INSTANCE_QUERY_DATA", instances=["web1"], static=True)).values()
    shown = tree.render([tree.Pairs(("Hypervisor parameters", _hypervisor_parameters(told)))])
    assert any("cpu_type: group (Westmere-v1)" in line for line in shown)


async def test_an_offline_node_is_not_asked(kvm):
    await kvm.run("OP_NODE_SET_PARAMS", node_name="node3", offline=True, force=True)
    equip(kvm, node1=RICH)
    await follow(kvm)
    assert model(kvm) == "Haswell-v1"


async def test_a_silent_node_is_named_and_nothing_changes(kvm):
    kvm.network.silence("10.0.0.3")
    with pytest.raises(errors.WrongState, match="CPU models of node node3 are not known"):
        await follow(kvm)
    assert (model(kvm), kvm.state.cluster.hvparams.get("kvm", {})) == ("", {})


async def test_a_dry_run_finds_it_and_changes_nothing(kvm):
    number = await kvm.submit("OP_CLUSTER_SET_PARAMS", hvparams={"kvm": {"cpu_type": "group"}}, dry_run=True)
    assert (await kvm.finished(number)).status == "success"
    assert (model(kvm), kvm.state.cluster.hvparams.get("kvm", {})) == ("", {})


async def test_it_is_set_by_name_and_taken_away_again(kvm):
    await kvm.run("OP_GROUP_SET_PARAMS", group_name="default", cpu_model="Nehalem-v1")
    assert model(kvm) == "Nehalem-v1"
    await kvm.run("OP_GROUP_SET_PARAMS", group_name="default", cpu_model="auto")
    assert model(kvm) == "Westmere-v1"
    await kvm.run("OP_GROUP_SET_PARAMS", group_name="default", cpu_model="default")
    assert model(kvm) == ""


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Haswell-v1", "on node1: this node lacks avx, fma of 'Haswell-v1'.*\n.*on node3"),
        ("host", "'host' is no model that all nodes"),
        ("a b", "the name of a CPU model"),
    ],
)
async def test_what_a_node_lacks_is_refused_with_its_name(kvm, name, told):
    with pytest.raises(errors.WrongInput, match=f"(?s){told}"):
        await kvm.run("OP_GROUP_SET_PARAMS", group_name="default", cpu_model=name)


async def test_without_kvm_or_without_nodes_there_is_none(cluster):
    with pytest.raises(errors.WrongInput, match="hypervisor 'kvm' is not enabled"):
        await cluster.run("OP_GROUP_SET_PARAMS", group_name="default", cpu_model="auto")
    await cluster.run("OP_CLUSTER_SET_PARAMS", enabled_hypervisors=["fake", "kvm"])
    await cluster.run("OP_GROUP_ADD", group_name="rack2")
    with pytest.raises(errors.WrongState, match="rack2 has no node"):
        await cluster.run("OP_GROUP_SET_PARAMS", group_name="rack2", cpu_model="auto")


async def test_a_guest_keeps_the_model_it_was_started_with(kvm):
    await follow(kvm)
    await kvm.add("web1", hypervisor="kvm")
    await kvm.run("OP_GROUP_SET_PARAMS", group_name="default", cpu_model="Nehalem-v1")
    (finding,) = await found(kvm)
    assert "cpu_type is 'Westmere-v1', configured is 'Nehalem-v1'" in finding
    await kvm.run("OP_INSTANCE_MIGRATE", instance_name="web1", target_node="node2")
    assert await runs_with(kvm, "node2") == "Westmere-v1"
    await kvm.run("OP_INSTANCE_REBOOT", instance_name="web1", reboot_type="hard")
    assert await runs_with(kvm, "node2") == "Nehalem-v1"


@pytest.mark.parametrize("operation", ["OP_INSTANCE_MIGRATE", "OP_INSTANCE_FAILOVER"])
async def test_a_node_that_lacks_the_model_of_a_guest_refuses_it_before_anything_begins(kvm, operation):
    await kvm.add("web1", node="node2", hypervisor="kvm", hvparams={"cpu_type": "Haswell-v1"})
    with pytest.raises(errors.WrongState, match=r"cannot be started on node3.*lacks avx, fma of 'Haswell-v1'"):
        await kvm.run(operation, instance_name="web1", target_node="node3")
    assert await runs_with(kvm, "node2") == "Haswell-v1"


async def test_verify_names_the_nodes_that_could_not_run_an_instance_of_their_group(kvm):
    await kvm.add("web1", node="node2", hypervisor="kvm", hvparams={"cpu_type": "Haswell-v1"})
    findings = await found(kvm)
    told = "cannot run web1 of its node group: this node lacks avx, fma of 'Haswell-v1'"
    assert [told in one for one in findings] == [True, True]
    assert [one.split(":")[:3] for one in findings] == [["WARNING", "ENODEHV", name] for name in ("node1", "node3")]


async def test_a_weaker_node_that_comes_into_the_group_is_told_at_once_and_by_verify(kvm):
    await kvm.run("OP_GROUP_ADD", group_name="rack2")
    await kvm.run("OP_GROUP_ASSIGN_NODES", group_name="rack2", nodes=["node3"])
    equip(kvm, node3=OLD)
    await follow(kvm)
    assert (model(kvm), model(kvm, "rack2")) == ("Westmere-v1", "Nehalem-v1")
    await kvm.add("web1", hypervisor="kvm", node="node1")
    number = await kvm.submit("OP_GROUP_ASSIGN_NODES", group_name="default", nodes=["node3"])
    assert (await kvm.finished(number)).status == "success"
    (warning,) = (line for line in kvm.log(number) if "cannot take the guests of node group default" in line)
    assert "lacks aes of 'Westmere-v1'" in warning
    assert "gnt-group modify --cpu-model=auto default" in warning
    # The cluster's own parameters do not work there either.
    assert any("cannot run web1" in one for one in await found(kvm))
    await kvm.run("OP_GROUP_SET_PARAMS", group_name="default", cpu_model="auto")
    assert model(kvm) == "Nehalem-v1"


async def test_in_another_group_a_guest_is_started_with_the_model_of_that_one(kvm):
    await kvm.run("OP_GROUP_ADD", group_name="rack2")
    await kvm.run("OP_GROUP_ASSIGN_NODES", group_name="rack2", nodes=["node3"])
    equip(kvm, node3=OLD)
    await follow(kvm)
    await kvm.add("web1", node="node1", hypervisor="kvm")
    await kvm.run("OP_INSTANCE_FAILOVER", instance_name="web1", target_node="node3")
    assert await runs_with(kvm, "node3") == "Nehalem-v1"
    assert guest_of(kvm.state, kvm.instance("web1")).hvparams["cpu_type"] == "Nehalem-v1"


async def test_an_export_has_the_word_and_not_the_model_that_it_means_here(kvm):
    await follow(kvm)
    await kvm.add("web1", hypervisor="kvm", start=False)
    assert await kvm.list("instance", "hv/cpu_type") == [["group"]]
    instance = kvm.instance("web1")
    node = kvm.state.get(Node, instance.primary_node)
    assert description.described(kvm.state, instance, node, 0.0).hvparams["cpu_type"] == "group"
