# SPDX-License-Identifier: BSD-2-Clause
"""A guest is moved and shown as it runs, whatever has been configured since it was started."""

import pytest

from tests.unit.model.test_running import KVM, other

# What must go together with others, to be set at all.
TOGETHER = {
    "boot_order": {"kernel_path": "", "cdrom_image_path": "/cd"},
    "disk_aio": {"disk_cache": "none"},
    "secure_boot": {"firmware": "uefi", "kernel_path": ""},
    "security_domain": {"security_model": "user"},
    "security_model": {"security_domain": "nobody"},
    "vnc_x509_path": {"vnc_tls": True},
    "vnc_x509_verify": {"vnc_tls": True, "vnc_x509_path": "/some/directory"},
}


@pytest.fixture
async def kvm(cluster):
    """A cluster with a guest that runs."""
    await cluster.run("OP_CLUSTER_SET_PARAMS", enabled_hypervisors=["fake", "kvm"])
    await cluster.add("web1", hypervisor="kvm")
    return cluster


def started(cluster, node):
    (found,) = cluster.nodes[node].hypervisor("kvm").started()
    return found


async def verified(cluster):
    """What verify says of the first group."""
    number = await cluster.submit("OP_CLUSTER_VERIFY_GROUP", group_name="default")
    await cluster.finished(number)
    return "\n".join(cluster.log(number))


async def test_whatever_is_set_for_all_instances_a_running_one_migrates_as_it_runs(kvm):
    for number, name in enumerate(KVM):
        before = started(kvm, "node1" if number % 2 == 0 else "node2")
        now = {name: other(KVM[name]), **TOGETHER.get(name, {})}
        await kvm.run("OP_CLUSTER_SET_PARAMS", hvparams={"kvm": now})
        target = "node2" if number % 2 == 0 else "node1"
        await kvm.run("OP_INSTANCE_MIGRATE", instance_name="web1", target_node=target)
        at_once = {key: now.get(key, parameter.default) for key, parameter in KVM.items() if parameter.at_once}
        assert started(kvm, target).hvparams == before.hvparams | at_once
        await kvm.run("OP_CLUSTER_SET_PARAMS", hvparams={"kvm": dict.fromkeys(now, "default")})


async def test_memory_and_processors_of_a_running_instance_move_with_it(kvm):
    await kvm.run("OP_CLUSTER_SET_PARAMS", beparams={"vcpus": 4, "memory": 512})
    await kvm.run("OP_INSTANCE_MIGRATE", instance_name="web1", target_node="node2")
    assert (started(kvm, "node2").beparams.vcpus, started(kvm, "node2").beparams.maxmem) == (1, 128)


async def test_what_was_given_for_one_start_moves_with_the_guest_and_ends_with_the_next(kvm):
    await kvm.run("OP_INSTANCE_SHUTDOWN", instance_name="web1")
    once = {"hvparams": {"usb_mouse": "tablet", "kvm_extra": "-smbios type=1"}, "beparams": {"vcpus": 3}}
    await kvm.run("OP_INSTANCE_STARTUP", instance_name="web1", **once)
    await kvm.run("OP_INSTANCE_MIGRATE", instance_name="web1", target_node="node2")
    moved = started(kvm, "node2")
    assert (moved.hvparams["usb_mouse"], moved.hvparams["kvm_extra"]) == ("tablet", "-smbios type=1")
    assert moved.beparams.vcpus == 3
    await kvm.run("OP_INSTANCE_REBOOT", instance_name="web1", reboot_type="full")
    assert started(kvm, "node2").hvparams["usb_mouse"] == ""


async def test_info_and_verify_show_what_takes_effect_at_the_next_start(kvm):
    assert "takes effect" not in await verified(kvm)
    await kvm.run("OP_CLUSTER_SET_PARAMS", hvparams={"kvm": {"usb_mouse": "tablet", "migration_downtime": 99}})
    (told,) = (await kvm.run("OP_INSTANCE_QUERY_DATA", instances=["web1"])).values()
    assert told["pending"] == [["usb_mouse", "", "tablet"]]
    assert "web1: takes effect at its next start: usb_mouse is '', configured is 'tablet'" in await verified(kvm)
    await kvm.run("OP_INSTANCE_REBOOT", instance_name="web1", reboot_type="full")
    assert "takes effect" not in await verified(kvm)
