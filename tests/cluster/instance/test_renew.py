# SPDX-License-Identifier: BSD-2-Clause
"""Instances that run a program which was replaced, and their renewal."""

import pytest

from ganeti import errors
from ganeti.model.guest_state import GuestState
from ganeti.rpc.contract.instance import Activity
from tests.cluster.cluster.verify.findings import found


def hypervisor_of(cluster):
    return cluster.nodes["node1"].hypervisor()


def leave(cluster, node, free):
    """Let a node itself take all of its memory but so much, MiB."""
    machine = cluster.nodes[node].equipment.machine
    object.__setattr__(machine, "used_memory", machine.total_memory - free)  # it is what its equipment was made with


async def told(cluster):
    return await cluster.list("instance", "name", "hypervisor_version", "hypervisor_outdated")


async def renewed(cluster, name, **parameters):
    """What the job says."""
    number = await cluster.submit("OP_INSTANCE_RENEW", instance_name=name, **parameters)
    job = await cluster.finished(number)
    assert str(job.status) == "success", job
    return "\n".join(cluster.log(number))


async def outdated(cluster):
    return [line for line in await found(cluster) if "EINSTANCEOUTDATED" in line]


async def test_who_runs_what_was_replaced_is_told_by_lists_info_and_verify_until_renewed(cluster):
    await cluster.add("web1")
    await cluster.add("web2", start=False)
    assert await told(cluster) == [["web1", "1.0 (new)", False], ["web2", None, None]]
    assert await outdated(cluster) == []
    hypervisor_of(cluster).replace_program()
    assert await told(cluster) == [["web1", "1.0 (old)", True], ["web2", None, None]]
    chosen = await cluster.call("Query", "instance", ["name"], ["?", "hypervisor_outdated"])
    assert [row[0][1] for row in chosen["data"]] == ["web1"]
    uuid = cluster.instance("web1").uuid
    described = (await cluster.run("OP_INSTANCE_QUERY_DATA", instances=["web1"]))[uuid]["program"]
    assert described["replaced"] == ["/usr/bin/paper"]
    assert described["told"] == "1.0 (old), started before the replacement of /usr/bin/paper; installed is 1.0 (new)"
    (line,) = await outdated(cluster)
    assert line.startswith("WARNING:EINSTANCEOUTDATED:web1:runs 1.0 (old), started before")
    assert "'gnt-instance renew web1'" in line
    await cluster.run("OP_INSTANCE_RENEW", instance_name="web1")
    assert await told(cluster) == [["web1", "1.0 (new)", False], ["web2", None, None]]
    assert await outdated(cluster) == []


async def test_what_runs_the_installed_program_or_does_not_run_is_left_as_it_is(cluster):
    await cluster.add("web1")
    await cluster.add("web2", start=False)
    hypervisor_of(cluster).unrenewable["web1"] = ("it is asked after all",)
    assert "web1 runs 1.0 (new), which is installed: nothing to do" in await renewed(cluster, "web1")
    assert "web2 does not run, and starts with what is installed: nothing" in await renewed(cluster, "web2")
    with pytest.raises(errors.WrongState, match="web1 cannot be renewed: it is asked after all"):
        await cluster.run("OP_INSTANCE_RENEW", instance_name="web1", force=True)


async def test_what_prevents_it_is_told_before_anything_is_begun(cluster):
    await cluster.add("web1")
    hypervisor = hypervisor_of(cluster)
    hypervisor.replace_program()
    hypervisor.pause("web1", GuestState.PAUSED)
    with pytest.raises(errors.WrongState, match="web1 cannot be renewed: it is paused"):
        await cluster.run("OP_INSTANCE_RENEW", instance_name="web1")


async def test_without_memory_for_two_of_them_it_is_refused_with_figures(cluster):
    await cluster.add("web1", beparams={"maxmem": 1024, "minmem": 1024})
    hypervisor_of(cluster).replace_program()
    leave(cluster, "node1", 1624)  # with what web1 has
    with pytest.raises(errors.WrongState, match="has 600 MiB of free memory, and another 1024 MiB are needed"):
        await cluster.run("OP_INSTANCE_RENEW", instance_name="web1")


async def test_a_guest_that_changes_its_memory_faster_than_it_is_copied_is_refused(cluster, monkeypatch):
    await cluster.add("web1", hvparams={})
    hypervisor = hypervisor_of(cluster)
    hypervisor.replace_program()

    async def busy(guest):
        return Activity(memory=4096, changed=5000)

    monkeypatch.setattr(hypervisor, "activity", busy)
    with pytest.raises(errors.WrongState, match=r"changes 5000 MiB of its memory a second.*--non-live"):
        await cluster.run("OP_INSTANCE_RENEW", instance_name="web1")
    await cluster.run("OP_INSTANCE_RENEW", instance_name="web1", non_live=True)
