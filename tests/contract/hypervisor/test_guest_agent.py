# SPDX-License-Identifier: BSD-2-Clause
"""QEMU's own agent in a guest, asked through a real port."""

import asyncio
import os
import re
import subprocess

import pytest

from ganeti.errors import HypervisorFailed
from ganeti.node.hypervisor.kvm import agent
from tests.contract.hypervisor.test_kvm import with_disks


@pytest.fixture
def with_agent(kvm):
    """A guest with an agent, and with a channel for it unless told otherwise."""

    def made(**hvparams):
        initrd = kvm.initrd.replace("initrd.gz", "initrd-agent.gz")
        parameters = {"initrd_path": initrd, "use_guest_agent": True, "kernel_args": "quiet tiny.eth0=192.0.2.9/24"}
        return kvm.guest(hvparams=parameters | hvparams)

    return made


async def started(kvm, guest):
    """It runs, and its agent listens."""
    await kvm.start(guest)
    await listening(kvm, guest)


async def started_with_disk(kvm, guest, tiny_guest, directory):
    """The same; it has a file system of its own."""
    guest, resources = with_disks(guest, 16, directory=directory)
    (disk,) = resources.disks
    environment = {"DISK_COUNT": "1", "DISK_0_PATH": disk.path, "INSTANCE_NAME": guest.name, "OS_VARIANT": "minimal"}
    subprocess.run(  # noqa: ASYNC221 - nothing else is going on
        [tiny_guest / "create"], env=environment | {"PATH": os.environ["PATH"]}, check=True
    )
    await kvm.node.driver.start(guest, resources, paused=False)
    await listening(kvm, guest)
    return guest


async def listening(kvm, guest):
    async with asyncio.timeout(300):
        while await kvm.node.driver.agent(guest).problem():
            await asyncio.sleep(0.1)


async def test_it_runs_programs_and_sets_the_clock(kvm, with_agent):
    guest = with_agent()
    await started(kvm, guest)
    asked = kvm.node.driver.agent(guest)
    done = await asked.execute("sh", ("-c", "echo one; echo two >&2; exit 3"), timeout=300)
    assert (done.status, done.output, done.errors) == (3, "one\n", "two\n")
    await asked.set_time(2_000_000_000.0)
    done = await asked.execute("date", ("+%s",), timeout=300)
    assert 2_000_000_000 <= int(done.output) < 2_000_010_000
    with pytest.raises(HypervisorFailed, match=r"refuses 'guest-exec': .*no-such-program"):
        await asked.execute("no-such-program", (), timeout=300)
    assert await asked.interfaces() == ()


async def test_it_is_asked_to_power_off_before_the_power_button_is_pressed(kvm, with_agent):
    guest = with_agent(acpi=False)
    await started(kvm, guest)
    stopped = await kvm.node.driver.stop(guest.name, timeout=300, force=False)
    assert (stopped.was_running, stopped.forced, stopped.asked) == (True, False, "by its agent")


async def test_if_it_powers_nothing_off_the_power_button_is_pressed_too(kvm, with_agent):
    guest = with_agent()
    await started(kvm, guest)
    idle = "echo '#!/bin/busybox sh' >/sbin/shutdown"
    assert (await kvm.node.driver.agent(guest).execute("sh", ("-c", idle), timeout=300)).status == 0
    stopped = await kvm.node.driver.stop(guest.name, timeout=60, force=False)
    assert (stopped.forced, stopped.asked) == (False, "by its agent, and in vain, so by ACPI too")


async def test_without_one_the_power_button_is_pressed_at_once(kvm):
    guest = kvm.guest(hvparams={"use_guest_agent": True})
    await kvm.start(guest)
    await kvm.up(guest)
    stopped = await kvm.node.driver.stop(guest.name, timeout=300, force=False)
    assert (stopped.forced, stopped.asked) == (
        False,
        f"by ACPI: The agent in instance {guest.name} cannot be asked: no agent runs in it",
    )


async def test_a_guest_that_floods_its_port_is_given_up_and_shut_down_by_the_power_button(kvm, with_agent):
    guest = with_agent()
    await started(kvm, guest)
    asked = kvm.node.driver.agent(guest)
    again = "while :; do for port in /dev/vport*p1; do cat /dev/zero >$port; done; done"
    flood = f"(sleep 1; killall qemu-ga; {again}) >/dev/null 2>&1 &"
    assert (await asked.execute("sh", ("-c", flood), timeout=300)).status == 0
    async with asyncio.timeout(300):
        while not re.search(r"it writes without end|it has not answered", await why_not(asked)):
            await asyncio.sleep(0.1)
    stopped = await kvm.node.driver.stop(guest.name, timeout=300, force=False)
    assert not stopped.forced
    assert "by ACPI: " in stopped.asked


async def why_not(asked):
    try:
        await asked.interfaces()
    except HypervisorFailed as error:
        return error.message
    return ""


async def test_it_reboots_the_guest_in_its_machine(kvm, with_agent):
    guest = with_agent()
    await started(kvm, guest)
    qemu = kvm.process(guest)
    assert await kvm.node.driver.reboot(guest) == "by its agent"
    await listening(kvm, guest)
    assert kvm.process(guest) == qemu


async def test_it_listens_where_the_guest_has_been_sent(kvm, with_agent):
    guest = with_agent()
    await started(kvm, guest)
    await kvm.move(guest)
    assert await kvm.other.driver.agent(guest).problem() == ""
    done = await kvm.other.driver.agent(guest).execute("true", (), timeout=300)
    assert done.status == 0


async def test_what_a_node_daemon_leaves_frozen_the_next_one_thaws(kvm, with_agent, tiny_guest, tmp_path):
    guest = await started_with_disk(kvm, with_agent(), tiny_guest, tmp_path)
    await kvm.node.driver.agent(guest).freeze()
    with pytest.raises(HypervisorFailed, match="refuses 'guest-exec'"):
        await kvm.node.driver.agent(guest).execute("true", (), timeout=300)
    await kvm.again()
    async with asyncio.timeout(300):
        await kvm.node.driver.agent(guest)._thawing
    done = await kvm.node.driver.agent(guest).execute("true", (), timeout=300)
    assert done.status == 0


async def test_a_frozen_guest_is_thawed_when_that_has_lasted_too_long(
    kvm, with_agent, tiny_guest, tmp_path, monkeypatch
):
    monkeypatch.setattr(agent, "LONGEST_FREEZE", 0.1)
    guest = await started_with_disk(kvm, with_agent(), tiny_guest, tmp_path)
    await kvm.node.driver.agent(guest).freeze()
    async with asyncio.timeout(300):
        await kvm.node.driver.agent(guest)._thawing
    assert not kvm.node.driver._machines[guest.name].record.frozen
