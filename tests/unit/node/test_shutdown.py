# SPDX-License-Identifier: BSD-2-Clause
"""All guests of a node are stopped: in parallel, a few at a time, and whatever one of them does."""

import asyncio

from ganeti.errors import HypervisorFailed
from ganeti.model.guest_state import GuestState
from ganeti.model.report import RunningGuest
from ganeti.node.shutdown import stop_guests
from ganeti.rpc.contract.instance import Stopped


class Slow:
    """A hypervisor whose guests power off when they are let go; ``bad`` ones cannot be stopped."""

    def __init__(self, *names, bad=()):
        self.names, self.bad = names, bad
        self.stopping, self.most = set(), 0
        self.let_go = asyncio.Event()

    async def list(self):
        there = [RunningGuest(name, name, "fake", GuestState.RUNNING, 128, 1) for name in self.names]
        return (*there, RunningGuest("gone", "gone", "fake", GuestState.USER_DOWN, 128, 1))

    async def stop(self, name, *, timeout, force):
        assert (timeout, force) == (30, False)
        self.stopping.add(name)
        self.most = max(self.most, len(self.stopping))
        await self.let_go.wait()
        self.stopping.discard(name)
        if name in self.bad:
            raise HypervisorFailed("QEMU does not answer")
        return Stopped(was_running=True, forced=name == "deaf")


async def test_guests_are_stopped_in_parallel_up_to_the_limit():
    hypervisor, said = Slow("a", "b", "c", "d"), []
    stopping = asyncio.create_task(stop_guests([hypervisor], timeout=30, at_once=2, told=said.append))
    while len(hypervisor.stopping) < 2:
        await asyncio.sleep(0)
    hypervisor.let_go.set()
    await stopping
    assert hypervisor.most == 2
    assert sorted(said) == [f"Instance {name}: powered off" for name in "abcd"]


async def test_one_that_cannot_be_stopped_or_does_not_listen_keeps_no_other_waiting():
    hypervisor, said = Slow("bad", "deaf", "good", bad=["bad"]), []
    hypervisor.let_go.set()
    await stop_guests([hypervisor], timeout=30, at_once=1, told=said.append)
    assert said == [
        "Instance bad: could not be stopped: QEMU does not answer",
        "Instance deaf: did not power off within 30 seconds and was killed",
        "Instance good: powered off",
    ]
