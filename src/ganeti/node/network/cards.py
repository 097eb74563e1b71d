# SPDX-License-Identifier: BSD-2-Clause
"""Connecting the network cards of guests: their taps, and what connects each of them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from ganeti.errors import CheckFailed, GanetiError
from ganeti.model.guest import Guest, GuestNic
from ganeti.model.parameters.network import NicMode
from ganeti.node.network import handover, tap
from ganeti.node.network.driver import Network, Tap, TapOptions
from ganeti.node.network.scripts import TapScripts

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Cards:
    """A card is connected by a script of the node's own if there is one, else by the driver of its mode.

    One that leads to the metadata daemon has a driver of its own, which no script replaces.
    """

    drivers: Mapping[NicMode, Network]
    communication: Network
    scripts: TapScripts
    make: Callable[[GuestNic, str, TapOptions], Tap] = tap.create

    async def check(self, nic: GuestNic) -> None:
        """Raises WrongInput or EnvironmentUnfit if such a NIC cannot be connected here."""
        if self._is_scripted(nic):
            self.scripts.ensure_usable()
        else:
            await self._driver(nic).check(nic)

    async def problems(self, nics: Iterable[GuestNic]) -> list[str]:
        """Why NICs cannot be connected on this node, as text."""
        found: list[str] = []
        for nic in nics:
            try:
                await self.check(nic)
            except CheckFailed as error:
                found += [error.message] if error.message not in found else []
        return found

    async def connect(self, guest: Guest, index: int, options: TapOptions, *, arriving: bool = False) -> Tap:
        """Create the tap of a guest's NIC and connect it; of one that is ``arriving``, see ``arrived`` too.

        Raises WrongInput or EnvironmentUnfit, or ExecutionFailed if a script fails; then nothing is left.
        """
        nic = guest.nics[index]
        await self.check(nic)
        made = self.make(nic, tap.name_of(nic), options)
        try:
            if not (arriving and self._waits(nic)):
                await self._attach(guest, index)
        except BaseException:
            made.close()
            await self.disconnect(guest, index)
            raise
        return made

    def stand_in(self, nic: GuestNic, options: TapOptions) -> Tap:
        """A tap that leads nowhere, in place of one that another process has (``handover``)."""
        return self.make(nic, handover.stand_in_of(nic), options)

    async def arrived(self, guest: Guest, index: int) -> None:
        """Connect what waited until its guest runs here. Raises what ``connect`` raises."""
        if self._waits(guest.nics[index]):
            await self.reconnect(guest, index)

    async def reconnect(self, guest: Guest, index: int) -> None:
        """Reconnect the tap of an existing NIC of a guest according to its new parameters.

        Raises what ``connect`` raises; then its connection is unchanged, as far as no script has changed it.
        """
        await self.check(guest.nics[index])
        await self._attach(guest, index)

    async def disconnect(self, guest: Guest, index: int, *, moved: bool = False) -> str:
        """Remove what is left of a card's connection, once nobody has its tap any more; there may be nothing.

        ``moved``: its guest is on another node now. Returns what could not be removed, and why. Nothing depends
        on it: it is when the card is connected again.
        """
        nic, problems = guest.nics[index], []
        try:
            if not nic.communicates:
                await self.scripts.take_down(guest, index, moved=moved)
        except GanetiError as error:
            problems.append(error.message)
        try:
            await self._driver(nic).detach(nic)
        except GanetiError as error:
            # Where a script connects cards there need not be what its mode is about.
            problems += [] if self._is_scripted(nic) else [error.message]
        if not problems:
            return ""
        told = f"network card {index} is not cleared away: {'; '.join(problems)}"
        _log.warning("Instance %s: %s", guest.name, told)
        return told

    async def _attach(self, guest: Guest, index: int) -> None:
        nic = guest.nics[index]
        if self._is_scripted(nic):
            await self.scripts.bring_up(guest, index)
        else:
            await self._driver(nic).attach(nic)

    def _is_scripted(self, nic: GuestNic) -> bool:
        return self.scripts.connect and not nic.communicates

    def _waits(self, nic: GuestNic) -> bool:
        return not self._is_scripted(nic) and self._driver(nic).exclusive

    def _driver(self, nic: GuestNic) -> Network:
        return self.communication if nic.communicates else self.drivers[nic.mode]
