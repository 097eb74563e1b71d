# SPDX-License-Identifier: BSD-2-Clause
"""Failovers that go wrong, each in its own way; ``test_storms.py`` has those that come by chance."""

import asyncio

import msgspec
import pytest

from ganeti.bootstrap.mastership import Rules
from ganeti.model.entity import evolve
from ganeti.rpc.authority import Term, read_term, write_term
from tests.simulation.machines import Machines
from tests.simulation.virtual import VirtualClock, run


async def with_machines(loop, root, seed, play):
    machines = Machines(root, 3, seed, VirtualClock(loop), loop)
    await machines.start()
    try:
        await play(machines, *machines.machines.values())
    finally:
        await machines.stop()


def test_a_state_of_the_same_revision_with_other_content_is_not_taken_silently(tmp_path):
    async def play(machines, first, second, third):
        await first.power_off()
        (record,) = third.disk.load("cluster")
        damaged = msgspec.Raw(bytes(record.body).replace(b'"name":"cluster"', b'"name":"clustre"'))
        third.disk._apply([msgspec.structs.replace(record, body=damaged)])
        assert not await second.take_over(Rules())
        assert "its content is another one" in machines.history[-1][-1]
        assert await second.take_over(Rules(voting=False))

    run(lambda loop: with_machines(loop, tmp_path, 3, play))


def test_where_a_failover_broke_off_no_master_daemon_serves_until_it_is_repeated(tmp_path):
    async def play(machines, first, second, third):
        await first.power_off()
        for machine in (second, third):
            machine.kill_noded()
            write_term(machine.paths.term, Term(2, second.node.name))
            machine.start_noded()
        second.start_masterd()
        await asyncio.sleep(60)
        assert machines.serving() == []
        assert "was interrupted" in machines.history[-1][-1]
        assert await second.take_over(Rules())
        await asyncio.sleep(60)
        assert machines.serving() == [second]

    run(lambda loop: with_machines(loop, tmp_path, 3, play))


def test_a_failover_that_broke_off_elsewhere_does_not_keep_the_old_master_from_going_on(tmp_path):
    async def play(machines, first, second, third):
        second.kill_noded()
        write_term(second.paths.term, Term(2, second.node.name))
        second.start_noded()
        await asyncio.sleep(60)
        assert machines.serving() == []
        assert await first.take_over(Rules())
        await asyncio.sleep(60)
        assert machines.serving() == [first]

    run(lambda loop: with_machines(loop, tmp_path, 3, play))


def test_a_master_that_was_frozen_acknowledges_nothing_and_gives_up_the_address_when_it_wakes(tmp_path):
    async def play(machines, first, second, third):
        first.awake.clear()
        late = asyncio.create_task(machines.write(first, "late"))
        assert await second.take_over(Rules())
        await asyncio.sleep(60)
        assert machines.serving() == [first, second]  # as far as the frozen one knows
        first.awake.set()
        assert not await late
        await asyncio.sleep(10)
        assert machines.serving() == machines.holders() == [second]

    run(lambda loop: with_machines(loop, tmp_path, 3, play))


def test_a_node_that_is_marked_offline_has_no_voice_for_itself_either(tmp_path):
    """The master goes on with half of the two that count, so that half must not be outvoted by one that does not."""

    async def play(machines, first, second, third):
        state = first.master.configuration.state
        await first.master.configuration.commit([evolve(state.get(type(third.node), third.node.uuid), offline=True)])
        await asyncio.sleep(10)  # until enough nodes have noted that
        await machines.cut_off(first)
        assert await machines.write(first, "alone")
        assert not await third.take_over(Rules())
        assert "node3 itself is marked offline and has no voice" in machines.history[-1][-1]
        assert await machines.write(first, "still")

    run(lambda loop: with_machines(loop, tmp_path, 3, play))


@pytest.mark.parametrize("seed", range(12))
def test_of_two_candidates_at_the_same_moment_the_winner_is_obeyed_by_all(seed, tmp_path):
    async def play(machines, first, second, third):
        won = await asyncio.gather(second.take_over(Rules()), third.take_over(Rules()))
        await asyncio.sleep(60)
        assert sum(won) == 1
        terms = [read_term(machine.paths.term) for machine in machines.machines.values()]
        assert {term.master for term in terms} == {(second, third)[won.index(True)].node.name}

    run(lambda loop: with_machines(loop, tmp_path, seed, play))
