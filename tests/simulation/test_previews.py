# SPDX-License-Identifier: BSD-2-Clause
"""A dry run of every operation changes nothing, and those that move or remove something tell what they would do."""

import asyncio
import re

import pytest

from ganeti.operations import find
from tests.cluster.world import first_state
from tests.simulation.mortal import MortalCluster
from tests.simulation.scenes import SCENES, TEMPLATES
from tests.simulation.virtual import VirtualClock, run

TELLING = re.compile(
    "BACKUP_EXPORT|CHANGE_GROUP|CONNECT|CREATE|DESTROY|EVACUATE|FAILOVER|GROW_DISK|INSTANCE_RENAME|SET_PARAMS|MIGRATE|MOVE|POWERCYCLE|"
    "MULTI_ALLOC|RECREATE|REBOOT|REINSTALL|REMOVE|REPLACE|SHUTDOWN"
)
JOBS = [scene for scene in SCENES if not find(scene.wire_name).reads_only]


@pytest.mark.parametrize("scene", JOBS, ids=lambda scene: scene.wire_name)
def test_a_dry_run_changes_nothing_and_tells_what_would_happen(scene, tmp_path):
    async def main(loop):
        cluster = MortalCluster(tmp_path, first_state(nodes=3, **TEMPLATES), 0, VirtualClock(loop))
        await cluster.start()
        await scene.prepare(cluster)
        await asyncio.sleep(1)  # until what the preparation has set off is done
        before = await things(cluster)
        number = await cluster.submit(scene.wire_name, **scene.parameters("web1", "node2"), dry_run=True)
        await cluster.ended()
        tracked = cluster.master.queue.get(number)
        assert tracked.job.status == "success", tracked.job.steps[0].result
        assert await things(cluster) == before
        lines = [entry.text for entry in tracked.log]
        assert lines[-1] == "Checked only; nothing was changed"
        assert not TELLING.search(scene.wire_name) or lines[0].startswith("Would ")
        await cluster.stop()

    run(main)


async def things(cluster):
    """What there is of objects, disks, and guests on each node."""
    guests = {name: await node.guests() for name, node in cluster.nodes.items()}
    return dict(cluster.state.entities), dict(cluster.disks.copies), guests
