# SPDX-License-Identifier: BSD-2-Clause
"""What harep has done with instances that need it."""

from ganeti.cli.htools.repairing import STEPS
from ganeti.placement.repair import Repair
from tests.cluster.paper import running
from tests.cluster.providers import provide


async def test_an_instance_whose_disks_are_lost_gets_new_ones_with_its_operating_system_elsewhere(tmp_path):
    async with running(tmp_path, enabled_disk_templates=("plain",), vg_name="xenvg") as cluster:
        provide(cluster, "tiny")
        await cluster.add("web1", node="node3", template="plain", os_type="tiny")
        await cluster.run("OP_NODE_SET_PARAMS", node_name="node3", offline=True, force=True)
        steps = [{**step, "instance_name": "web1"} for step in STEPS[Repair.REINSTALL]]
        job = await cluster.finished(await cluster.call("SubmitJob", steps))
        assert str(job.status) == "success", job.steps
        node = cluster.state.get(type(cluster.node("node1")), cluster.instance("web1").primary_node).name
        assert node != "node3"
        assert [call.guest.os for call in cluster.nodes[node].providers.calls] == ["tiny"]
        assert await cluster.list("instance", "status") == [["ADMIN_down"]]
