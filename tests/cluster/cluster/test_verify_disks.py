# SPDX-License-Identifier: BSD-2-Clause
"""Looking at all disks, by a job for each node group."""

import pytest

from ganeti import errors


async def test_each_group_has_a_job(cluster):
    await cluster.add("web1")
    answer = await cluster.run("OP_CLUSTER_VERIFY_DISKS")
    ((accepted, number),) = answer["jobs"]
    job = await cluster.finished(number)
    assert (accepted, job.steps[0].result) == (True, [{}, [], {}])


async def test_a_group_that_is_not_there_is_refused(cluster):
    with pytest.raises(errors.UnknownEntity):
        await cluster.run("OP_CLUSTER_VERIFY_DISKS", group_name="other")
