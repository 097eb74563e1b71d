# SPDX-License-Identifier: BSD-2-Clause
"""What every hypervisor must do, run on each and on its fake."""

import msgspec
import pytest

from ganeti.errors import CheckFailed, HypervisorFailed, WrongInput, WrongState
from ganeti.rpc.contract.instance import Incoming


async def test_a_started_guest_runs_and_is_listed_with_its_size(bench):
    guest = bench.guest()
    await bench.start(guest)
    (listed,) = await bench.node.list()
    assert (listed.uuid, listed.name, listed.state) == (guest.uuid, guest.name, "running")
    assert (listed.memory, listed.vcpus, listed.state.runs) == (128, 1, True)
    assert bench.node.driver.runs(guest.name)
    event = await bench.node.until("running")
    assert (event.uuid, event.name, event.memory, event.vcpus) == (guest.uuid, guest.name, 128, 1)


async def test_a_guest_can_be_started_paused(bench):
    guest = bench.guest()
    await bench.start(guest, paused=True)
    await bench.node.until("paused")
    assert await bench.node.states() == {guest.name: "paused"}
    assert bench.node.driver.runs(guest.name)


async def test_a_paused_guest_goes_on_when_it_is_told_to(bench):
    guest = bench.guest()
    await bench.start(guest, paused=True)
    assert await bench.node.driver.resume(guest)
    await bench.node.until("running")
    assert not await bench.node.driver.resume(guest)
    await bench.up(guest)


async def test_a_paused_guest_is_not_sent(bench):
    guest = bench.guest()
    await bench.start(guest, paused=True)
    with pytest.raises(WrongState, match=r"is paused \(not started yet\) and cannot be migrated"):
        await bench.move(guest)
    assert await bench.node.states() == {guest.name: "paused"}
    await bench.other.driver.finish_incoming(guest, success=False)


async def test_stopping_a_guest_that_has_never_run_does_not_boot_it_and_says_why_it_was_not_asked(bench):
    guest = bench.guest()
    await bench.start(guest, paused=True)
    stopped = await bench.node.driver.stop(guest.name, timeout=60, force=False)
    assert (stopped.was_running, stopped.forced) == (True, True)
    assert stopped.obstacle == "it is paused (not started yet)"


async def test_a_paused_guest_that_is_stopped_goes_on_first_so_that_it_can_power_off(bench):
    guest = bench.guest()
    await bench.start(guest)
    await bench.up(guest)
    await bench.pause(guest)
    stopped = await bench.node.driver.stop(guest.name, timeout=300, force=False)
    assert (stopped.was_running, stopped.forced, stopped.obstacle) == (True, False, "")


async def test_a_guest_that_was_not_sent_is_left_paused_if_somebody_has_paused_it(bench):
    guest = bench.guest()
    await bench.start(guest)
    await bench.pause(guest)
    await bench.node.driver.finish_outgoing(guest, success=False)
    assert await bench.node.states() == {guest.name: "paused"}


async def test_a_guest_with_a_parameter_that_does_not_exist_is_refused(bench):
    guest = msgspec.structs.replace(bench.guest(), hvparams={"wheels": 4})
    with pytest.raises(WrongInput, match="wheels"):
        await bench.node.driver.check(guest, bench.resources(guest))
    with pytest.raises(WrongInput, match="wheels"):
        await bench.start(guest)
    assert not await bench.node.list()


async def test_a_guest_that_is_asked_to_stop_powers_off_and_is_gone(bench):
    guest = bench.guest()
    await bench.start(guest)
    await bench.up(guest)
    stopped = await bench.node.driver.stop(guest.name, timeout=60, force=False)
    assert (stopped.was_running, stopped.forced) == (True, False)
    await bench.node.until("down")
    assert not await bench.node.list()


async def test_stopping_by_force_does_not_ask(bench):
    guest = bench.guest()
    await bench.start(guest)
    stopped = await bench.node.driver.stop(guest.name, timeout=60, force=True)
    assert (stopped.was_running, stopped.forced) == (True, True)
    await bench.node.until("down")
    assert not await bench.node.list()


async def test_stopping_what_does_not_run_is_fine(bench):
    stopped = await bench.node.driver.stop(bench.guest().name, timeout=1, force=False)
    assert not stopped.was_running


async def test_a_guest_that_powers_itself_off_is_told_and_kept_in_mind_until_cleared_away(bench):
    guest = bench.guest()
    await bench.start(guest)
    await bench.power_off(guest)
    await bench.node.until("user-down")
    assert await bench.node.states() == {guest.name: "user-down"}
    assert not bench.node.driver.runs(guest.name)
    await bench.node.driver.clear(guest)
    assert not await bench.node.list()


async def test_a_guest_that_crashes_is_told_and_can_be_started_again(bench):
    guest = bench.guest()
    await bench.start(guest)
    await bench.crash(guest)
    await bench.node.until("crashed")
    assert await bench.node.states() == {guest.name: "crashed"}
    await bench.start(guest)
    assert await bench.node.states() == {guest.name: "running"}


async def test_a_running_guest_cannot_be_cleared_away(bench):
    guest = bench.guest()
    await bench.start(guest)
    with pytest.raises(WrongState):
        await bench.node.driver.clear(guest)
    assert bench.node.driver.runs(guest.name)


async def test_clearing_away_what_is_not_there_is_fine(bench):
    await bench.node.driver.clear(bench.guest())


async def test_a_new_node_daemon_finds_the_guests_of_the_old_one(bench):
    one, two = bench.guest("one.example"), bench.guest("two.example")
    await bench.start(one)
    await bench.start(two, paused=True)
    before = await bench.node.states()
    await bench.again()
    assert await bench.node.states() == before
    stopped = await bench.node.driver.stop(one.name, timeout=1, force=True)
    assert stopped.was_running
    await bench.node.until("down")


async def test_a_guest_that_powered_itself_off_while_no_daemon_ran_is_known_to_have(bench):
    guest = bench.guest()
    await bench.start(guest)
    await bench.up(guest)
    await bench.while_away(lambda: bench.power_off(guest))
    assert await bench.node.states() == {guest.name: "user-down"}
    assert not bench.node.driver.runs(guest.name)


async def test_what_ended_by_itself_is_still_known_after_another_restart(bench):
    guest = bench.guest()
    await bench.start(guest)
    await bench.power_off(guest)
    await bench.node.until("user-down")
    await bench.again()
    assert await bench.node.states() == {guest.name: "user-down"}


async def test_a_rebooted_guest_runs_again(bench):
    guest = bench.guest()
    await bench.start(guest)
    await bench.up(guest)
    await bench.node.driver.reboot(guest)
    assert await bench.count(guest) <= 2
    assert await bench.node.states() == {guest.name: "running"}


async def test_a_guest_without_a_channel_has_no_agent_and_one_that_does_not_run_cannot_be_asked(bench):
    guest = bench.guest()
    with pytest.raises(WrongState, match="does not run"):
        bench.node.driver.agent(guest)
    await bench.start(guest)
    agent = bench.node.driver.agent(guest)
    assert not agent.has_channel
    assert await agent.problem()
    with pytest.raises(HypervisorFailed):
        await agent.interfaces()


async def test_what_does_not_run_cannot_be_rebooted(bench):
    with pytest.raises(WrongState):
        await bench.node.driver.reboot(bench.guest())


@pytest.mark.parametrize("live", [True, False], ids=["live", "not live"])
async def test_a_migrated_guest_goes_on_where_it_was(bench, live):
    guest = bench.guest()
    await bench.start(guest)
    before = await bench.count(guest)
    migrated, report = await bench.move(guest, live=live)
    assert await bench.count(guest, node=1) > before
    assert await bench.other.states() == {guest.name: "running"}
    assert not await bench.node.list()
    assert migrated.completed > 0
    assert live or migrated.total >= migrated.downtime
    assert any(line.progress and line.progress.unit == "MiB" for line in report.drain())


async def test_a_guest_that_cannot_be_sent_runs_on(bench):
    guest = bench.guest()
    await bench.start(guest)
    await bench.up(guest)
    with pytest.raises(HypervisorFailed):
        await bench.node.driver.migrate(guest, Incoming("tcp:127.0.0.1:1", "00" * 32), bench.report(), live=True)
    assert await bench.node.states() == {guest.name: "running"}
    await bench.count(guest)


async def test_a_guest_that_runs_here_is_not_accepted_from_elsewhere(bench):
    guest = bench.guest()
    await bench.start(guest)
    with pytest.raises(WrongState):
        await bench.node.driver.accept(guest, bench.resources(guest), "127.0.0.1")
    assert await bench.node.states() == {guest.name: "running"}


async def test_accepting_twice_is_as_good_as_once(bench):
    guest = bench.guest()
    for _ in range(2):
        incoming = await bench.other.driver.accept(guest, bench.resources(guest), "127.0.0.1")
    assert incoming.uri
    assert await bench.other.states() == {guest.name: "incoming"}


async def test_nothing_is_left_of_a_guest_that_will_not_come(bench):
    guest = bench.guest()
    await bench.other.driver.accept(guest, bench.resources(guest), "127.0.0.1")
    for _ in range(2):
        await bench.other.driver.finish_incoming(guest, success=False)
    assert not await bench.other.list()


async def test_a_guest_that_has_not_arrived_cannot_be_finished(bench):
    guest = bench.guest()
    await bench.other.driver.accept(guest, bench.resources(guest), "127.0.0.1")
    await bench.lose_incoming(guest)
    with pytest.raises(HypervisorFailed):
        await bench.other.driver.finish_incoming(guest, success=True)
    assert not await bench.other.list()


async def test_a_guest_that_has_arrived_and_runs_is_not_given_up(bench):
    guest = bench.guest()
    await bench.start(guest)
    await bench.move(guest)
    with pytest.raises(WrongState):
        await bench.other.driver.finish_incoming(guest, success=False)
    assert await bench.other.states() == {guest.name: "running"}


async def test_a_guest_that_has_not_left_is_not_cleared_away_as_if_it_had(bench):
    guest = bench.guest()
    await bench.start(guest)
    with pytest.raises(WrongState):
        await bench.node.driver.finish_outgoing(guest, success=True)
    await bench.node.driver.finish_outgoing(guest, success=False)
    assert await bench.node.states() == {guest.name: "running"}


async def test_a_guest_can_come_back(bench):
    guest = bench.guest()
    await bench.start(guest)
    before = await bench.count(guest)
    await bench.move(guest)
    bench.nodes.reverse()
    bench.forget_consoles()
    await bench.count(guest)
    await bench.move(guest)
    assert await bench.count(guest, node=1) > before


@pytest.mark.parametrize("name", ["../../etc", "a/b", ".hidden", "", "a b"])
async def test_a_name_that_might_lead_elsewhere_is_refused(kvm, name):
    guest = msgspec.structs.replace(kvm.guest(), name=name)
    with pytest.raises(CheckFailed):
        await kvm.start(guest)
    assert not await kvm.node.list()
