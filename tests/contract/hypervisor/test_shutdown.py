# SPDX-License-Identifier: BSD-2-Clause
"""The program that stops a node's guests when the machine goes down, with real guests."""

import asyncio
import os
import sys

from ganeti.host.daemons import Daemon
from ganeti.host.files import exclusive
from ganeti.host.paths import ROOT_VARIABLE


async def stop_guests(root, *words):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ganeti.daemons.stop_guests", *words),
        env={**os.environ, ROOT_VARIABLE: str(root)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode, output.decode()


async def test_guests_power_off_by_themselves_and_are_gone(kvm):
    guests = [kvm.guest(f"guest{n}.example") for n in (1, 2)]
    for guest in guests:
        await kvm.start(guest)
    for guest in guests:
        await kvm.up(guest)
    processes = [os.pidfd_open(kvm.process(guest)) for guest in guests]
    await kvm.node.driver.close()
    status, said = await stop_guests(kvm.node.paths.root, "--timeout", "120", "--at-once", "2")
    assert status == 0
    assert sorted(said.splitlines()) == [f"Instance {guest.name}: powered off" for guest in guests]
    assert [kvm.process(guest) for guest in guests] == [None, None]
    for process in processes:
        os.close(process)


async def test_it_does_not_work_beside_the_node_daemon(make_paths):
    paths = make_paths()
    paths.run.mkdir(parents=True)
    with exclusive(paths.lock_file(Daemon.NODE), ""):
        status, said = await stop_guests(paths.root)
    assert status != 0
    assert "The node daemon runs and has hold of the guests; stop it first" in said
