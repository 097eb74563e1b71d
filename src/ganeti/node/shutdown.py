# SPDX-License-Identifier: BSD-2-Clause
"""Shutting down a node: its guests power off while their network and storage are still available."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from ganeti.errors import GanetiError
from ganeti.node.hypervisor.driver import Hypervisor


async def stop_guests(
    hypervisors: Iterable[Hypervisor], *, timeout: float, at_once: int, told: Callable[[str], None]
) -> None:
    """Stop every guest, ``at_once`` of them at a time; one that cannot be stopped does not delay the others.

    ``timeout``: seconds for each to power off. In the configuration they stay up.
    """
    turns = asyncio.Semaphore(at_once)

    async def stop(hypervisor: Hypervisor, name: str) -> None:
        async with turns:
            told(f"Instance {name}: {await _stopped(hypervisor, name, timeout)}")

    there = [(driver, guest.name) for driver in hypervisors for guest in await driver.list() if not guest.state.ended]
    await asyncio.gather(*(stop(driver, name) for driver, name in there))


async def _stopped(hypervisor: Hypervisor, name: str, timeout: float) -> str:
    try:
        stopped = await hypervisor.stop(name, timeout=timeout, force=False)
    except GanetiError as error:
        return f"could not be stopped: {error.message}"
    if not stopped.forced:
        return "powered off"
    if stopped.obstacle:
        return f"could not be asked to power off, since {stopped.obstacle}, and was killed"
    return f"did not power off within {timeout:.0f} seconds and was killed"
