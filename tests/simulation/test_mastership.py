# SPDX-License-Identifier: BSD-2-Clause
"""Failovers that go wrong, each in its own way; ``test_storms.py`` has those that come by chance."""

import asyncio
import errno

import msgspec
import pytest

from ganeti.bootstrap.mastership import Rules
from ganeti.model.entity import evolve
from ganeti.node.membership import note
from ganeti.rpc import authority
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


def test_who_has_noted_itself_that_its_state_is_behind_is_not_elected(tmp_path):
    """It may be one of the half that noted it, with the old master, and the others know nothing of it."""

    async def play(machines, first, second, third):
        await first.power_off()
        note(second.paths, (1, second.disk.position().revision + 1))
        assert not await second.take_over(Rules())
        assert "says this node" in machines.history[-1][-1]
        assert await second.take_over(Rules(voting=False))

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


def full_disk_of(machine, monkeypatch):
    """Its node daemon cannot write down that there is a newer term, so it does not obey it."""

    def write(path, term):
        if path == machine.paths.term:
            raise OSError(errno.ENOSPC, "No space left on device")
        write_term(path, term)

    monkeypatch.setattr(authority, "write_term", write)


@pytest.mark.parametrize("planned", [True, False])
def test_the_full_disk_of_one_node_stops_no_failover_and_it_obeys_when_there_is_room(tmp_path, monkeypatch, planned):
    async def play(machines, first, second, third):
        with monkeypatch.context() as meanwhile:
            full_disk_of(third, meanwhile)
            if not planned:
                await first.power_off()
                assert not await second.take_over(Rules())
            assert await second.take_over(Rules(voting=planned))
            await asyncio.sleep(60)
            assert machines.serving() == machines.holders() == [second]
            assert await machines.write(second, "meanwhile")
            assert read_term(third.paths.term).master == first.node.name
        await asyncio.sleep(60)
        assert read_term(third.paths.term).master == second.node.name

    run(lambda loop: with_machines(loop, tmp_path, 3, play))


async def alone(machines, first, *others):
    """The first goes on without the others, which are off, and marks them so; then it is off itself."""
    for machine in others:
        await machine.power_off()
    await first.kill_masterd()
    assert await first.take_over(Rules(voting=False))
    await asyncio.sleep(60)
    for machine in others:
        await machines.mark(machine)
    await asyncio.sleep(60)
    assert await machines.write(first, "alone")
    await first.power_off()


def test_who_was_alone_does_not_serve_when_the_others_have_elected_another_meanwhile(tmp_path):
    async def play(machines, first, second, third):
        await alone(machines, first, second, third)
        second.power_on()
        third.power_on()
        assert await second.take_over(Rules())
        await asyncio.sleep(60)
        assert read_term(first.paths.term).number == read_term(second.paths.term).number
        served = len(machines.acknowledged)
        first.power_on()
        await asyncio.sleep(60)
        assert machines.serving() == machines.holders() == [second]
        assert {name for _, _, name in machines.acknowledged[served:]} <= {second.node.name}
        assert not any(text.startswith("serves") for _, name, text in machines.history[-1:] if name == "node1")

    run(lambda loop: with_machines(loop, tmp_path, 3, play))


def test_who_is_alone_stops_when_one_that_was_said_to_be_off_tells_of_another_master(tmp_path):
    async def play(machines, first, second, third):
        await alone(machines, first, second, third)
        second.power_on()
        third.power_on()
        assert await second.take_over(Rules())
        await asyncio.sleep(60)
        await machines.cut_off(first)
        first.power_on()
        await asyncio.sleep(60)
        assert machines.serving() == [first, second]  # nothing that either of them could know
        await machines.heal(first)
        await asyncio.sleep(10)
        assert machines.serving() == machines.holders() == [second]

    run(lambda loop: with_machines(loop, tmp_path, 3, play))


def test_who_is_obeyed_by_most_does_not_believe_one_that_was_alone(tmp_path):
    async def play(machines, first, second, third):
        await alone(machines, first, second, third)
        second.power_on()
        third.power_on()
        assert await second.take_over(Rules())
        await asyncio.sleep(60)
        first.start_noded()  # whose master daemon does not run; it says that it is the master itself
        first.powered = True
        await asyncio.sleep(60)
        assert await machines.write(second, "goes on")

    run(lambda loop: with_machines(loop, tmp_path, 3, play))
