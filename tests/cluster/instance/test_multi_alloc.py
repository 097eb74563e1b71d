# SPDX-License-Identifier: BSD-2-Clause
"""Many instances at once."""

import pytest

from ganeti import errors


async def test_many_are_created_by_jobs_of_their_own(cluster):
    common = {"disk_template": "diskless", "no_install": True, "name_check": False, "ip_check": False}
    specifications = [{"instance_name": f"i{n}", "pnode": f"node{n % 3 + 1}", **common} for n in range(20)]
    result = await cluster.run("OP_INSTANCE_MULTI_ALLOC", instances=specifications)
    jobs = [await cluster.finished(number) for _, number in result["jobs"]]
    assert {job.status for job in jobs} == {"success"}
    assert len(cluster.state.instances) == 20


async def test_disks_have_the_format_that_is_asked_for(cluster):
    wanted = {"instance_name": "web1", "disk_template": "sharedfile", "disks": [{"size": "1g", "format": "qcow2"}]}
    more = {"pnode": "node1", "no_install": True, "name_check": False, "ip_check": False}
    result = await cluster.run("OP_INSTANCE_MULTI_ALLOC", instances=[wanted | more])
    for _, number in result["jobs"]:
        assert (await cluster.finished(number)).status == "success"
    assert cluster.instance("web1").disks[0].format == "qcow2"


@pytest.mark.parametrize(
    ("specifications", "told"),
    [
        ([], "give at least one instance"),
        (
            [{"instance_name": "web1"}, {"instance_name": "not a name"}],
            "parameter 'instance_name': expected a host name",
        ),
        ([{"instance_name": "web1"}] * 2, "web1 is given more than once"),
    ],
)
async def test_of_wrong_specifications_none_is_created(cluster, specifications, told):
    with pytest.raises(errors.WrongInput, match=told):
        await cluster.run("OP_INSTANCE_MULTI_ALLOC", instances=specifications)
    assert len(list(cluster.master.queue)) <= 1


WRONG = [
    "Instance 1 (web2): disk 0: parameter 'size': '1x' is not a size",
    "Instance 1 (web2): there is no parameter 'vcpus'",
    "Instance 2: parameter 'disk_template': 'flopy' is not allowed",
    "Instance 2: parameter 'compress': 'lzop' is not allowed",
    "Instance 2: parameter 'instance_name' is missing",
]


async def test_everything_that_is_wrong_is_told_at_once_with_the_instance_that_it_is_wrong_of(cluster):
    wrong = [
        {"instance_name": "web1", "disk_template": "diskless"},
        {"instance_name": "web2", "disks": [{"size": "1x"}], "vcpus": 2},
        {"disk_template": "flopy", "compress": "lzop"},
    ]
    with pytest.raises(errors.WrongInput) as caught:
        await cluster.submit("OP_INSTANCE_MULTI_ALLOC", instances=wrong)
    told = caught.value.message.splitlines()
    assert [line[: len(start)] for line, start in zip(told, WRONG, strict=True)] == WRONG
    assert not list(cluster.master.queue)


async def test_no_secret_of_an_instance_is_shown_with_the_job(cluster):
    common = {"disk_template": "diskless", "no_install": True, "name_check": False, "ip_check": False}
    given = [{"instance_name": "i1", "pnode": "node1", "osparams_secret": {"key": "treasure"}, **common}]
    number = await cluster.submit("OP_INSTANCE_MULTI_ALLOC", instances=given)
    await cluster.finished(number)
    shown = f"{await cluster.list('job', 'ops')}"
    assert "osparams_secret" in shown
    assert "treasure" not in shown


async def test_the_allocator_is_that_of_the_request_where_an_instance_names_neither_it_nor_a_node(cluster):
    common = {"disk_template": "diskless", "no_install": True, "name_check": False, "ip_check": False}
    given = [{"instance_name": "i1", **common}, {"instance_name": "i2", "pnode": "node2", **common}]
    result = await cluster.run("OP_INSTANCE_MULTI_ALLOC", instances=given, iallocator="hail")
    assert {(await cluster.finished(number)).status for _, number in result["jobs"]} == {"success"}
    asked = {job: operation for job, (operation,) in await cluster.list("job", "id", "ops")}
    assert [asked[number].get("iallocator") for _, number in result["jobs"]] == ["hail", None]
