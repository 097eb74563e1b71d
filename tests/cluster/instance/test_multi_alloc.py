# SPDX-License-Identifier: BSD-2-Clause
"""Many instances at once."""


async def test_many_are_created_by_jobs_of_their_own(cluster):
    common = {"disk_template": "diskless", "no_install": True, "name_check": False, "ip_check": False}
    specifications = [{"instance_name": f"i{n}", "pnode": f"node{n % 3 + 1}", **common} for n in range(20)]
    result = await cluster.run("OP_INSTANCE_MULTI_ALLOC", instances=specifications)
    jobs = [await cluster.finished(number) for _, number in result["jobs"]]
    assert {job.status for job in jobs} == {"success"}
    assert len(cluster.state.instances) == 20
