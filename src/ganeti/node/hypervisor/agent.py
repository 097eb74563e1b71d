# SPDX-License-Identifier: BSD-2-Clause
"""What the agent in a guest can be asked, by whatever means a hypervisor has."""

from __future__ import annotations

from typing import Protocol

from ganeti.model.guest_agent import Executed, Interface


class GuestAgent(Protocol):
    """Of a guest that runs. Everything raises HypervisorFailed if there is no agent, it does not answer, or refuses."""

    @property
    def has_channel(self) -> bool:
        """Whether the guest was started with a channel for an agent."""
        ...

    async def problem(self) -> str:
        """Why it cannot be asked, as far as that is known without asking it; empty if it can."""
        ...

    async def interfaces(self) -> tuple[Interface, ...]:
        """The guest's network interfaces that have addresses, without loopback ones."""
        ...

    async def freeze(self) -> int:
        """Let the guest write what it has to its disks, and no more; the number of file systems that are frozen.

        They are thawed when that has lasted too long, and by the next node daemon if this one ends before.
        """
        ...

    async def thaw(self) -> bool:
        """End that; whether it has lasted until now."""
        ...

    async def set_time(self, now: float) -> None:
        """Set the guest's clock; seconds since the epoch."""
        ...

    async def execute(self, program: str, arguments: tuple[str, ...], *, timeout: float) -> Executed:
        """Run a program in the guest, and wait for its end; it is looked for as the agent does.

        Raises HypervisorFailed if it has not ended after ``timeout`` seconds; then it goes on in the guest.
        """
        ...
