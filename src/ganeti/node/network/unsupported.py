# SPDX-License-Identifier: BSD-2-Clause
"""NIC modes that the model knows but this version does not support yet."""

from __future__ import annotations

from typing import NoReturn

from ganeti.errors import WrongInput
from ganeti.model.guest import Guest, GuestNic
from ganeti.node.network.driver import Tap, TapOptions


class Unsupported:
    async def check(self, nic: GuestNic) -> None:
        _refuse(nic)

    async def connect(self, guest: Guest, index: int, options: TapOptions) -> Tap:  # noqa: ARG002 - a Network
        _refuse(guest.nics[index])

    async def reconnect(self, guest: Guest, index: int) -> None:
        _refuse(guest.nics[index])

    async def disconnect(self, nic: GuestNic) -> None:
        """It was never connected."""


def _refuse(nic: GuestNic) -> NoReturn:
    raise WrongInput(f"Parameter 'mode': network cards in mode '{nic.mode}' are not supported yet; use bridged")
