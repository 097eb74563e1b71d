# SPDX-License-Identifier: BSD-2-Clause
"""The addresses that guests have, as their agents tell them."""

from __future__ import annotations

from collections.abc import Iterable

from ganeti.jobs.context import CheckContext
from ganeti.model.guest_agent import GuestAddresses
from ganeti.model.instance import Instance
from ganeti.operations.instance.primaries import told_of_running
from ganeti.rpc.contract.instance import TellAddresses


async def addresses_of(cluster: CheckContext, instances: Iterable[Instance]) -> dict[str, GuestAddresses]:
    """By UUID, of instances that run where they should, have a channel for an agent, and whose nodes answer."""
    return await told_of_running(cluster, instances, TellAddresses)
