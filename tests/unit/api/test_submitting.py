# SPDX-License-Identifier: BSD-2-Clause
"""From a request to an operation: what a route says, what a body may say, and who may say it."""

import json

import pytest

from ganeti.declare.role import Role
from ganeti.model.caller import ROOT, Caller
from tests.cluster.providers import provide
from tests.unit.api.conftest import ADMIN, OPERATOR, READER

STARTUP = "/2/instances/web1/startup"


async def refused(api, cluster, status, asked, body, *, auth=ADMIN):
    """What is explained; no job has come of it."""
    jobs = len(list(cluster.master.queue))
    data = body if isinstance(body, bytes) else json.dumps(body)
    answer = await api.request(*asked, auth=auth, data=data)
    assert answer.status == status, answer.body
    assert len(list(cluster.master.queue)) == jobs
    return answer.body["explain"]


@pytest.mark.parametrize(
    ("asked", "body", "told"),
    [
        (("PUT", STARTUP), {"OP_ID": "OP_INSTANCE_REMOVE"}, "'OP_ID' cannot be given in the body"),
        (("PUT", STARTUP), {"instance_name": "web2"}, "'instance_name' cannot be given in the body"),
        (("PUT", STARTUP), {"reason": []}, "'reason' cannot be given in the body"),
        (("PUT", "/2/instances/web1/tags"), {"kind": "cluster"}, "expected a list or nothing, not an object"),
        (("POST", "/2/instances"), {"name": "web1", "instance_name": "web2"}, "'instance_name' is given twice"),
        (("PUT", "/2/nodes/node2/role"), "master", "master"),
        (("PUT", "/2/nodes/node2/role"), {"offline": True}, "The body"),
        (("PUT", STARTUP), b'{"hvparams": {"a": "\\ud800"}}', "The body is not JSON"),
        (("PUT", STARTUP), b"\xff", "The body is not JSON"),
        (("PUT", STARTUP), b'{"hvparams":' + b"[" * 40 + b"]" * 40 + b"}", "inside one another"),
        (("PUT", STARTUP), b"[" * 100_000, "inside one another"),
    ],
)
async def test_what_a_route_says_cannot_be_said_otherwise(api, cluster, asked, body, told):
    await cluster.add("web1", start=False)
    assert told in await refused(api, cluster, 400, asked, body)


async def test_an_operator_gives_no_parameter_that_takes_more(api, cluster):
    await cluster.add("web1", start=False)
    body = {"hvparams": {"kernel_path": "/etc/shadow"}}
    told = await refused(api, cluster, 403, ("PUT", STARTUP), body, auth=OPERATOR)
    assert "lacks the permission 'admin', which parameter 'hvparams/kernel_path' requires" in told


async def test_a_job_remembers_who_submitted_it(api, cluster):
    await cluster.add("web1", start=False)
    answer = await api.request("PUT", STARTUP, auth=OPERATOR)
    job = await cluster.finished(answer.body)
    assert job.caller == Caller("operator", frozenset({Role.READ, Role.OPERATE}))
    assert await cluster.call("QueryJobs", [job.id], ["submitter"]) == [["operator"]]
    own = await cluster.finished(await cluster.submit("OP_TEST_DELAY", duration=0))
    assert own.caller == ROOT


async def test_what_a_job_submits_is_submitted_by_its_user(api, cluster):
    instance = {"name": "web1", "os": "debian", "disk_template": "diskless", "pnode": "node1", "no_install": True}
    instance |= {"__version__": 1, "nics": [], "name_check": False, "ip_check": False}
    answer = await api.request("POST", "/2/instances-multi-alloc", json={"instances": [instance]})
    job = await cluster.finished(answer.body)
    assert str(job.status) == "success", job
    (made,) = (number for _, number in job.steps[0].result["jobs"])
    assert (await cluster.finished(made)).caller.name == "admin"
    assert cluster.instance("web1").os == "debian"


async def test_a_role_of_a_node_is_set_by_its_name(api, cluster):
    answer = await api.request("PUT", "/2/nodes/node3/role?force=1", json="drained")
    assert str((await cluster.finished(answer.body)).status) == "success"
    assert (await api.get("/2/nodes/node3/role")).body == "drained"
    assert "admin" in await refused(api, cluster, 403, ("PUT", "/2/nodes/node3/role"), "regular", auth=READER)


async def test_a_restart_is_hard_if_nothing_else_is_said(api, cluster):
    await cluster.add("web1")
    answer = await api.request("POST", "/2/instances/web1/reboot", auth=OPERATOR)
    await cluster.finished(answer.body)
    (operation,) = (await api.get(f"/2/jobs/{answer.body}")).body["ops"]
    assert operation["reboot_type"] == "hard"


REINSTALL = "/2/instances/web1/reinstall"


@pytest.mark.parametrize(
    ("query", "body", "wanted"),
    [
        ("?os=tiny", None, ("tiny", True)),
        ("", {"os": "tiny", "start": True, "osparams": {}}, ("tiny", True)),
        ("?nostartup=1", None, ("", False)),
        ("?os=tiny&nostartup=0", {}, ("tiny", True)),
        ("", {"start": False, "priority": 5}, ("", False)),
    ],
)
async def test_a_running_instance_is_stopped_reinstalled_and_started_unless_that_is_not_wanted(
    api, cluster, query, body, wanted
):
    provide(cluster, "tiny")
    provide(cluster, "mini")
    os, runs = wanted
    await cluster.add("web1", os_type="mini")
    answer = await api.request("POST", f"{REINSTALL}{query}", json=body)
    job = await cluster.finished(answer.body)
    summaries = [step.summary for step in job.steps]
    assert summaries == [
        f"INSTANCE_{what}(web1)" for what in ("SHUTDOWN", "REINSTALL", *(("STARTUP",) if runs else ()))
    ]
    assert (str(job.status), cluster.instance("web1").os) == ("success", os or "mini")
    assert await cluster.nodes["node1"].guests() == ({"web1": "running"} if runs else {})
    assert {operation.get("priority") for operation in (await api.get(f"/2/jobs/{job.id}")).body["ops"]} == (
        {5} if body and "priority" in body else {0}
    )


@pytest.mark.parametrize(
    ("query", "body", "told"),
    [
        ("?nostartup=perhaps", {}, "Parameter 'nostartup': 'perhaps' is neither yes nor no"),
        ("", {"start": "perhaps"}, "Parameter 'start'"),
        ("?nostartup=1", {"start": True}, "Give either 'start' in the body or 'nostartup' in the query"),
        ("?dry-run=1", {}, "Parameter 'dry_run'"),
        ("", {"os": "../evil"}, "expected an OS name"),
        ("", {"nosuch": 1}, "nosuch"),
    ],
)
async def test_a_reinstallation_that_makes_no_sense_is_refused_before_anything_is_stopped(
    api, cluster, query, body, told
):
    await cluster.add("web1")
    assert told in await refused(api, cluster, 400, ("POST", f"{REINSTALL}{query}"), body)


async def test_the_result_of_renaming_is_the_new_name(api, cluster):
    await cluster.add("web1", start=False)
    answer = await api.request(
        "PUT", "/2/instances/web1/rename", json={"new_name": "db1", "name_check": False, "ip_check": False}
    )
    assert (await cluster.finished(answer.body)).steps[0].result == "db1"


async def test_an_operator_does_not_reinstall(api, cluster):
    await cluster.add("web1")
    assert "admin" in await refused(api, cluster, 403, ("POST", REINSTALL), {}, auth=OPERATOR)


async def test_a_stopped_instance_has_no_console_now(api, cluster):
    await cluster.add("web1", start=False)
    assert (await api.get("/2/instances/web1/console")).status == 503


async def test_a_body_may_be_the_word_null(api, cluster):
    await cluster.add("web1", start=False)
    answer = await api.request("PUT", STARTUP, auth=OPERATOR, data="null")
    assert answer.status == 200
    await cluster.finished(answer.body)
