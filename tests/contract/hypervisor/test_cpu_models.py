# SPDX-License-Identifier: BSD-2-Clause
"""The CPU models that QEMU can give to guests, and guests that have them."""

import msgspec
import pytest

from ganeti.errors import WrongInput
from ganeti.model.cpu import most_shared
from ganeti.model.parameters import as_mapping
from ganeti.model.parameters.hypervisor import KvmParameters
from ganeti.model.running import as_it_runs


async def models(node, **hvparams):
    return await node.driver.cpu_models(as_mapping(KvmParameters(kvm_flag="disabled")) | hvparams)


def configured(guest):
    return msgspec.structs.replace(guest, hvparams=as_mapping(KvmParameters()) | guest.hvparams)


async def model_of(node, guest):
    """By QEMU's word, while the guest runs."""
    (found,) = await node.driver._machines[guest.name].execute("query-hotpluggable-cpus")
    return found["type"].removesuffix("-x86_64-cpu")


async def test_a_guest_boots_with_the_model_that_nodes_share_and_takes_it_along(kvm):
    shared = most_shared({"node1": await models(kvm.node), "node2": await models(kvm.other)})
    guest = kvm.guest(hvparams={"cpu_type": shared})
    await kvm.start(guest)
    before = await kvm.count(guest)
    assert await model_of(kvm.node, guest) == shared
    (started,) = kvm.node.driver.started()
    await kvm.move(as_it_runs(configured(guest), started))
    assert await kvm.count(guest, node=1) > before
    assert await model_of(kvm.other, guest) == shared
    (arrived,) = kvm.other.driver.started()
    assert (started.cpu_checked, arrived.cpu_checked) == (True, True)


async def test_emulation_has_the_rich_models_of_old_and_none_that_needs_newer_processors(kvm):
    found = await models(kvm.node)
    assert found.vendor == ""
    assert found.models["Nehalem-v1"].features > found.models["qemu64-v1"].features > 0
    assert found.models["qemu32-v1"].features == 0
    assert found.models["max"].features == found.models["Nehalem"].features == 0
    assert "avx512f" in found.models["Skylake-Server"].missing


async def test_qemu_is_asked_once(kvm, monkeypatch):
    first = await models(kvm.node)
    monkeypatch.setattr("ganeti.node.hypervisor.kvm.cpu_models.converse", None)
    assert await models(kvm.node) is first


@pytest.mark.parametrize(
    ("cpu_type", "why"),
    [
        ("Skylake-Server", r"cpu_type.*this node lacks .*avx512f.* of 'Skylake-Server'"),
        ("Nehalem,+avx512f", "this node lacks avx512f of 'Nehalem,\\+avx512f'"),
        ("group", "has none; 'gnt-group modify --cpu-model=auto'"),
    ],
)
async def test_a_model_that_the_node_lacks_is_refused_with_its_features_before_anything_begins(kvm, cpu_type, why):
    guest = kvm.guest(hvparams={"cpu_type": cpu_type})
    with pytest.raises(WrongInput, match=why):
        await kvm.start(guest)
    with pytest.raises(WrongInput, match=why):
        await kvm.other.driver.accept(guest, kvm.resources(guest), "127.0.0.1")
    assert not await kvm.node.list()
    assert not await kvm.other.list()


async def test_what_is_left_out_may_be_missing(kvm):
    missing = (await models(kvm.node)).models["IvyBridge-v1"].missing
    assert missing
    guest = kvm.guest(hvparams={"cpu_type": ",".join(["IvyBridge-v1", *(f"-{feature}" for feature in missing)])})
    await kvm.start(guest)
    await kvm.up(guest)
    assert await model_of(kvm.node, guest) == "IvyBridge-v1"


async def test_what_earlier_software_has_started_without_looking_still_migrates(kvm):
    guest = kvm.guest(hvparams={"cpu_type": "SandyBridge"})
    started = msgspec.structs.replace(guest, cpu_checked=False)
    await kvm.start(started)
    await kvm.up(guest)
    (found,) = kvm.node.driver.started()
    await kvm.move(as_it_runs(configured(guest), msgspec.structs.replace(found, cpu_checked=None)))
    await kvm.count(guest, node=1)
    (arrived,) = kvm.other.driver.started()
    assert arrived.cpu_checked is False
