# SPDX-License-Identifier: BSD-2-Clause
"""Instances that jobs are creating: not in the configuration yet, but what they will use is reserved.

So two jobs that run at the same time do not choose the same MAC address, address of a network or
console port, nor the last memory of a node.
"""

from __future__ import annotations

import asyncio

from ganeti.model.instance import Instance


class Reservations:
    """One instance per job. Jobs that choose a place by free resources hold ``choosing`` until these are reserved."""

    def __init__(self) -> None:
        self.choosing = asyncio.Lock()
        self._instances: dict[int, Instance] = {}

    def hold(self, job: int, instance: Instance) -> None:
        """Reserve what an instance will use until the job ends; a later one of the same job replaces it."""
        self._instances[job] = instance

    def release(self, job: int) -> None:
        self._instances.pop(job, None)

    @property
    def instances(self) -> list[Instance]:
        return list(self._instances.values())

    @property
    def macs(self) -> set[str]:
        return {nic.mac for instance in self._instances.values() for nic in instance.nics}

    @property
    def addresses(self) -> set[tuple[str, str]]:
        """(UUID of the network, IP address)."""
        return {address for instance in self._instances.values() for address in instance.addresses}

    @property
    def ports(self) -> set[int]:
        return {port for instance in self._instances.values() for port in instance.ports}

    @property
    def minors(self) -> set[tuple[str, int]]:
        return {device for instance in self._instances.values() for device in instance.minors}
