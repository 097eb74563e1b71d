# SPDX-License-Identifier: BSD-2-Clause
"""What is secret is shown nowhere, while a job waits, runs, and when it is over."""

import json

import msgspec
import pytest

from ganeti.model.entity import evolve

SECRET = "hunter2"
CREATION = {"disk_template": "diskless", "no_install": True, "name_check": False, "ip_check": False, "nics": [{}]}
HIDDEN = {"osparams_private": {"key": SECRET}, "osparams_secret": {"token": SECRET}}


def shown(cluster, number):
    job = cluster.master.queue.get(number).job
    return json.dumps([msgspec.json.decode(step.public) for step in job.steps])


async def waiting(cluster, wire_name, **parameters):
    """A job that waits for one that takes long."""
    delay = await cluster.submit("OP_TEST_DELAY", duration=3600.0, on_master=True)
    return await cluster.submit(wire_name, depends=[[delay, ["success"]]], **parameters)


@pytest.mark.parametrize(
    ("wire_name", "parameters"),
    [
        (
            "OP_INSTANCE_CREATE",
            {"instance_name": "web1", "mode": "create", "disks": [], "pnode": "node1", **CREATION, **HIDDEN},
        ),
        (
            "OP_INSTANCE_MULTI_ALLOC",
            {"instances": [{"instance_name": "web1", "pnode": "node1", **CREATION, **HIDDEN}]},
        ),
        ("OP_CLUSTER_SET_PARAMS", {"osparams_private_cluster": {"debian": {"key": SECRET}}}),
    ],
)
async def test_a_job_that_waits_shows_no_secrets_and_has_them_when_it_runs(cluster, wire_name, parameters):
    number = await waiting(cluster, wire_name, **parameters)
    listed = await cluster.call("QueryJobs", [number], ["ops"])
    assert SECRET not in json.dumps(listed)
    assert "<redacted>" in json.dumps(listed)
    assert SECRET.encode() in b"".join(bytes(step.input) for step in cluster.master.queue.get(number).job.steps)


async def test_a_preview_tells_no_secrets(cluster):
    private, web1 = (
        {"debian": {"key": SECRET}},
        {"instance_name": "web1", "mode": "create", "disks": [], "pnode": "node1"},
    )
    await cluster.run("OP_INSTANCE_CREATE", **web1, **CREATION)
    for wire_name, parameters in (
        ("OP_CLUSTER_SET_PARAMS", {"osparams_private_cluster": private}),
        ("OP_INSTANCE_SET_PARAMS", {"instance_name": "web1", "osparams_private": {"key": SECRET}}),
    ):
        number = await cluster.submit(wire_name, **parameters, dry_run=True)
        job = await cluster.master.queue.ended(number)
        assert job.status == "success", job.steps[0].result
        lines = [entry.text for entry in cluster.master.queue.get(number).log]
        assert lines[0].startswith("Would change ")
        assert SECRET not in str(lines)


async def test_a_job_that_an_older_version_has_left_waiting_shows_none_either(cluster):
    number = await waiting(cluster, "OP_CLUSTER_SET_PARAMS", osparams_private_cluster={"debian": {"key": SECRET}})
    tracked = cluster.master.queue.get(number)
    job = tracked.job
    await cluster.master.queue.write(tracked, evolve(job, steps=(evolve(job.steps[0], shown=msgspec.UNSET),)))
    assert SECRET in shown(cluster, number)
    await cluster.stop()
    await cluster.start()
    assert SECRET not in shown(cluster, number)


async def test_of_a_job_that_is_over_the_store_has_no_secrets(cluster):
    result = await cluster.run(
        "OP_INSTANCE_MULTI_ALLOC", instances=[{"instance_name": "web1", "pnode": "node1", **CREATION, **HIDDEN}]
    )
    for _, number in result["jobs"]:
        await cluster.finished(number)
    records = [record for record in cluster.store.all() if record.kind in ("job", "job-log")]
    assert records
    assert not any(SECRET.encode() in bytes(record.body) for record in records)


async def test_private_parameters_of_the_cluster_are_in_no_list_and_no_description(cluster):
    await cluster.run("OP_CLUSTER_SET_PARAMS", osparams_private_cluster={"debian": {"key": SECRET}})
    await cluster.add("web1", template="diskless", os_type="debian", osparams={"dhcp": "yes"})
    rows = await cluster.list("instance", "name", "osparams", "custom_osparams")
    described = await cluster.call("Read", {"OP_ID": "OP_INSTANCE_QUERY_DATA"})
    about = await cluster.call("QueryClusterInfo")
    assert SECRET not in json.dumps([rows, described, about])
    assert rows[0][1] == {"dhcp": "yes"}
