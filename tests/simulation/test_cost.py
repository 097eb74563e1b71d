# SPDX-License-Identifier: BSD-2-Clause
"""What operations on instances with mirrored disks cost: calls of nodes and durable writes, however many disks.

A number that rises makes an operation slower on every cluster; change it here on purpose only.
"""

import asyncio
from dataclasses import dataclass

import pytest

from tests.cluster.world import first_state
from tests.simulation.mortal import MortalCluster
from tests.simulation.scenes import NEW, TEMPLATES
from tests.simulation.virtual import VirtualClock, run


@dataclass(frozen=True)
class Row:
    """``calls`` with one disk and with four; ``writes`` are as many whatever the number of disks."""

    wire_name: str
    calls: tuple[int, int]
    writes: int
    running: bool = True
    parameters: tuple[tuple[str, object], ...] = ()


CREATION = {**NEW, "disk_template": "drbd", "pnode": "node1", "snode": "node2", "instance_name": "web2"}
REPLACEMENT = (("mode", "replace_new_secondary"), ("remote_node", "node3"))
TABLE = (
    Row("OP_INSTANCE_CREATE", (15, 15), 6),
    Row("OP_INSTANCE_STARTUP", (8, 8), 4, running=False),
    Row("OP_INSTANCE_SHUTDOWN", (9, 9), 4),
    Row("OP_INSTANCE_MIGRATE", (19, 19), 7),
    Row("OP_INSTANCE_FAILOVER", (14, 14), 6),
    Row("OP_INSTANCE_ACTIVATE_DISKS", (4, 4), 3, running=False),
    Row("OP_INSTANCE_GROW_DISK", (14, 14), 6, parameters=(("disk", 0), ("amount", 8))),
    Row("OP_INSTANCE_REPLACE_DISKS", (19, 19), 7, parameters=REPLACEMENT),
    Row("OP_INSTANCE_REMOVE", (8, 8), 6),
)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.wire_name)
def test_an_operation_costs_what_the_table_says(row, tmp_path):
    spent = [moments_of(row, disks, tmp_path / str(disks)) for disks in (1, 4)]
    writes = [[moment for moment in moments if moment.startswith("write of")] for moments in spent]
    calls = [[moment for moment in moments if not moment.startswith("write of")] for moments in spent]
    assert tuple(map(len, calls)) == row.calls, calls
    assert [len(found) for found in writes] == [row.writes, row.writes], writes


def moments_of(row, disks, root):
    """The node calls and durable writes of an operation on an instance with so many disks, in their order."""

    async def main(loop):
        cluster = MortalCluster(root, first_state(nodes=3, **TEMPLATES), 0, VirtualClock(loop))
        await cluster.start()
        sizes = {"disks": [{"size": 64}] * disks}
        await cluster.add("web1", template="drbd", snode="node2", start=row.running, **sizes)
        await asyncio.sleep(1)  # until what that has set off is done
        cluster.life.limit(None)
        creates = row.wire_name == "OP_INSTANCE_CREATE"
        given = {**CREATION, **sizes} if creates else {"instance_name": "web1", **dict(row.parameters)}
        await cluster.run(row.wire_name, **given)
        moments = list(cluster.life.moments)
        await cluster.stop()
        return moments

    return run(main)
