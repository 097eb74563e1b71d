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


@pytest.mark.parametrize(
    ("specifications", "told"),
    [
        ([], "give at least one instance"),
        ([{"instance_name": "web1"}, {"instance_name": "not a name"}], "expected a host name"),
        ([{"instance_name": "web1"}] * 2, "web1 is given more than once"),
    ],
)
async def test_of_wrong_specifications_none_is_created(cluster, specifications, told):
    with pytest.raises(errors.WrongInput, match=told):
        await cluster.run("OP_INSTANCE_MULTI_ALLOC", instances=specifications)
    assert len(list(cluster.master.queue)) <= 1
