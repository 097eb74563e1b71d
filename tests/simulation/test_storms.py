# SPDX-License-Identifier: BSD-2-Clause
"""Whatever the weather: no job is lost or carried out twice, no guest runs twice, nothing is forgotten.

Each seed is a history of its own, and repeats exactly. ``STORMS=1000-2000`` tries others.
"""

import asyncio
import os

import pytest

from ganeti.config.configuration import read_state
from ganeti.model.instance import AdminState
from tests.cluster.world import first_state
from tests.simulation.storm import Storm
from tests.simulation.virtual import VirtualClock, run

FIRST, _, LAST = os.environ.get("STORMS", "0-40").partition("-")


async def live_through(loop, root, seed):
    storm = Storm(root, first_state(nodes=3, max_running_jobs=5), seed, VirtualClock(loop))
    await storm.start()
    await asyncio.gather(*(storm.customer(15) for _ in range(3)), storm.weather(6))
    await storm.calm_down()
    await storm.settle_leftovers()
    return storm


@pytest.mark.parametrize("seed", range(int(FIRST), int(LAST)))
def test_a_storm_leaves_no_damage(seed, tmp_path):
    async def main(loop):
        storm = await live_through(loop, tmp_path, seed)
        try:
            await examine(storm)
        finally:
            await storm.stop()

    run(main)


def test_a_seed_repeats_exactly(tmp_path):
    def history(directory):
        async def main(loop):
            storm = await live_through(loop, directory, 7)
            told = [(t.job.id, t.job.status, t.job.ended, [e.text for e in t.log]) for t in storm.master.queue]
            await storm.stop()
            return told

        return run(main)

    assert history(tmp_path / "one") == history(tmp_path / "two")


async def examine(storm):
    assert storm.doubles == []
    statuses = {tracked.job.id: tracked.job.status for tracked in storm.master.queue}
    assert sorted(storm.accepted) == sorted(set(storm.accepted))
    assert [number for number in storm.accepted if not statuses[number].final] == []
    assert storm.master.executor.locks.status() == []
    assert storm.master.executor.locks._held == 0
    assert storm.untold() == []
    assert storm.missing() == []
    for instance in storm.state.instances:
        where = [name for name, node in storm.nodes.items() if (await node.guests()).get(instance.name) == "running"]
        home = storm.state.get(type(storm.state.master), instance.primary_node).name
        assert where in ([], [home])
        if instance.admin_state is not AdminState.UP and not storm.broke_off("SHUTDOWN", instance):
            assert where == []
    await storm.run("OP_TEST_DELAY", duration=0)
    for name in ("node2", "node3"):
        await storm.master.replication.caught_up(f"uuid-{name}")
        assert read_state(storm.nodes[name].store) == storm.state
