# SPDX-License-Identifier: BSD-2-Clause
"""A QEMU that hangs where it should end."""

import asyncio
from types import SimpleNamespace

import pytest

from ganeti.node.hypervisor.kvm.machine import Machine

PANIC = {"event": "SHUTDOWN", "data": {"guest": True, "reason": "guest-panic"}, "timestamp": {}}
RESET = {"event": "RESET", "data": {}, "timestamp": {}}


class Hanging:
    """A process that is still there whenever one looks, until it is killed."""

    def __init__(self):
        self.looked = asyncio.Event()
        self.killed = asyncio.Event()

    async def gone_within(self, seconds):
        await self.looked.wait()
        return False

    def kill(self):
        self.killed.set()


@pytest.fixture
async def machine():
    record = SimpleNamespace(guest=SimpleNamespace(name="guest1", hvparams={}))
    return Machine(None, record, Hanging(), lambda *_: None)


async def test_a_qemu_that_says_it_ends_and_does_not_is_killed(machine):
    machine._heard(PANIC)
    machine.process.looked.set()
    async with asyncio.timeout(120):
        await machine.process.killed.wait()


async def test_one_that_was_started_anew_meanwhile_is_not(machine):
    machine._heard(PANIC)
    machine._heard(RESET)
    machine.process.looked.set()
    await asyncio.gather(*machine._background)
    assert not machine.process.killed.is_set()
