# SPDX-License-Identifier: BSD-2-Clause
"""The master is killed after each durable write and each node call of every operation, and nothing is amiss.

An operation takes part by its rows in ``scenes``.
"""

import asyncio
from contextlib import suppress

import pytest

from ganeti import errors
from ganeti.errors import CheckFailed
from ganeti.operations import OPERATIONS
from ganeti.rpc.authority import read_term
from tests.cluster.world import first_state
from tests.simulation.invariants import examine
from tests.simulation.mortal import MortalCluster
from tests.simulation.scenes import SCENES, TEMPLATES
from tests.simulation.virtual import VirtualClock, run

INSTANCE, NODE = "web1", "node2"


def test_every_operation_has_a_row():
    assert {scene.wire_name for scene in SCENES} == set(OPERATIONS)


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.wire_name)
def test_a_master_that_dies_in_the_middle_leaves_no_damage(scene, tmp_path):
    moments = play(scene, tmp_path / "whole", None)
    assert len(moments) >= 2  # the job as it was accepted, and as it ended
    for last in range(1, len(moments) + 1):
        try:
            play(scene, tmp_path / str(last), last)
        except Exception as error:
            error.add_note(f"The master died after {moments[last - 1]}, number {last} of {moments}")
            raise


def play(scene, root, last):
    """Carry out an operation by a master that dies after so many moments, or never; the moments that there were."""

    async def main(loop):
        cluster = MortalCluster(root, first_state(nodes=3, **TEMPLATES), 0, VirtualClock(loop))
        await cluster.start()
        await scene.prepare(cluster)
        await asyncio.sleep(1)  # until what the preparation has set off is done
        life = cluster.life
        life.limit(last)
        jobs = asyncio.create_task(carry_out(cluster, scene))
        if last is None:
            await jobs
            assert failures(cluster) == []
        else:
            await life.died.wait()
            await cluster.kill_master()
            jobs.cancel()
            await cluster.start()
            await cluster.ended()
        moments = list(life.moments)
        await examine(cluster)
        assert [node for node in strangers(cluster) if scene.wire_name == "OP_NODE_REMOVE" and is_member(node)] == []
        if last is not None:
            await repeat(cluster, scene)
            await examine(cluster)
        await cluster.stop()
        return moments

    return run(main)


async def carry_out(cluster, scene):
    cluster.accepted.append(await cluster.submit(scene.wire_name, **scene.parameters(INSTANCE, NODE)))
    await cluster.ended()


async def repeat(cluster, scene):
    """Whoever was told of a failure tries again: it succeeds now, or it is said what is in the way."""
    with suppress(CheckFailed):
        await cluster.run(scene.wire_name, **scene.parameters(INSTANCE, NODE))
    await cluster.ended()


def strangers(cluster):
    """Machines that the cluster does not know."""
    known = {node.name for node in cluster.state.nodes}
    return [node for name, node in cluster.nodes.items() if name not in known]


def is_member(node):
    """Whether a machine takes itself for a node of the cluster."""
    return read_term(node.paths.term) is not None


def failures(cluster):
    steps = [step for tracked in cluster.master.queue for step in tracked.job.steps]
    return [errors.decode(step.result) for step in steps if step.status == "error"]
