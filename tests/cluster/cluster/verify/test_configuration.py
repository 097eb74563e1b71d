# SPDX-License-Identifier: BSD-2-Clause
"""The configuration in itself."""

import pytest

from ganeti.model.entity import evolve
from ganeti.model.group import Group
from tests.cluster.cluster.verify.findings import found, mirrored


async def store(cluster, *entities):
    """As an older version, or somebody with an editor, may have left it: nothing is checked."""
    await cluster.master.configuration.commit(entities)


async def set_cluster(cluster, **values):
    await store(cluster, evolve(cluster.state.cluster, **values))


@pytest.mark.parametrize(
    ("values", "finding"),
    [
        ({"beparams": {"vcpus": 0}}, "cluster, backend parameters: Parameter 'vcpus'"),
        ({"nicparams": {"mode": "nowhere"}}, "cluster, NIC parameters: Parameter 'mode'"),
        ({"ndparams": {"nosuch": 1}}, "cluster, node parameters: "),
        ({"hvparams": {"kvm": {"acpi": "maybe"}}}, "cluster, parameters of hypervisor kvm: Parameter 'acpi'"),
        ({"hvparams": {"nosuch": {}}}, "cluster, parameters of hypervisor nosuch: there is no such kind"),
        ({"os_hvp": {"tiny": {"kvm": {"acpi": 7}}}}, "OS tiny, parameters of hypervisor kvm: Parameter 'acpi'"),
        (
            {"diskparams": {"drbd": {"protocol": "Z"}}},
            "cluster, parameters of disk template drbd: Parameter 'protocol'",
        ),
        ({"master_netmask": 99}, "Parameter 'master_netmask'"),
    ],
)
async def test_a_stored_parameter_of_the_cluster_that_is_not_allowed_is_found(cluster, values, finding):
    await set_cluster(cluster, **values)
    told = [text for text in await found(cluster) if text.startswith("ECLUSTERCFG")]
    assert len(told) == 1
    assert told[0].startswith(f"ECLUSTERCFG::{finding}")


async def test_everything_that_is_wrong_is_told_at_once_and_once(cluster):
    kvm = {"disk_aio": "native", "virtio_net_queues": 4, "vnet_hdr": False}
    await set_cluster(
        cluster, hvparams={"kvm": kvm}, os_hvp={"tiny": {"kvm": {"boot_order": "cdrom", "kernel_path": ""}}}
    )
    told = [finding.removeprefix("ECLUSTERCFG::") for finding in await found(cluster)]
    assert [text.split(":")[0] for text in told] == [
        *["cluster, parameters of hypervisor kvm"] * 2,
        "OS tiny, parameters of hypervisor kvm",
    ]


async def test_stored_parameters_of_groups_and_nodes_that_are_not_allowed_are_found(cluster):
    group = cluster.state.find(Group, "default")
    wrong = evolve(group, ndparams={"ssh_port": 0}, diskparams={"plain": {"stripes": 0}}, ipolicy={"vcpu-ratio": "x"})
    await store(cluster, wrong, evolve(cluster.node("node2"), ndparams={"spindle_count": -1}))
    whose = {told.split(": ")[0] for told in await found(cluster) if told.startswith("ECLUSTERCFG")}
    assert whose == {
        "ECLUSTERCFG::node group default, node parameters",
        "ECLUSTERCFG::node group default, parameters of disk template plain",
        "ECLUSTERCFG::node group default, instance policy",
        "ECLUSTERCFG::node node2, node parameters",
    }


async def test_a_policy_that_contradicts_itself_is_found(cluster):
    group = cluster.state.find(Group, "default")
    await store(cluster, evolve(group, ipolicy={"std": {"memory-size": 1}}))
    (told,) = await found(cluster)
    assert told.startswith("ECLUSTERCFG::node group default, instance policy: ")


async def test_stored_parameters_of_an_instance_that_are_not_allowed_are_found(cluster):
    await cluster.add("web1")
    wrong = evolve(cluster.instance("web1"), beparams={"minmem": 256, "maxmem": 128})
    await store(cluster, wrong)
    assert any(told.startswith("EINSTANCEMISSINGCFGPARAMETER:web1:") for told in await found(cluster))


async def test_references_to_what_is_not_there_are_found(cluster):
    await cluster.add("web1")
    await store(cluster, mirrored(cluster.instance("web1"), "uuid-gone"))
    await store(cluster, evolve(cluster.node("node3"), group="group-gone"))
    told = await found(cluster)
    assert "ECLUSTERDANGLINGNODES:node3:is in a node group that does not exist" in told
    assert "ECLUSTERDANGLINGINST:uuid-gone:does not exist, and instance web1 is on it" in told


async def test_a_default_allocator_that_has_gone_is_named(cluster):
    gone = evolve(cluster.state.cluster, default_iallocator="gone")
    await cluster.master.configuration.commit([gone])
    assert await found(cluster) == [
        "ECLUSTERCFG::Parameter 'default_iallocator': there is no allocator 'gone'; choose from hail"
    ]
