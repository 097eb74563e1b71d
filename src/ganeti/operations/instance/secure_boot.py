# SPDX-License-Identifier: BSD-2-Clause
"""The keys that guests have enrolled for Secure Boot, as their nodes find them."""

from __future__ import annotations

from collections.abc import Sequence

from ganeti.jobs.context import CheckContext
from ganeti.model.guest import guest_of
from ganeti.model.instance import Instance
from ganeti.model.machine_state import EnrolledKeys
from ganeti.operations.instance.primaries import told_by_primaries
from ganeti.rpc.contract.instance import TellKeys


async def keys_of(cluster: CheckContext, instances: Sequence[Instance]) -> dict[str, EnrolledKeys]:
    """By UUID, of instances with Secure Boot whose primary nodes answer."""
    guests = {one.uuid: guest_of(cluster.state, one) for one in instances}
    return await told_by_primaries(
        cluster,
        (one for one in instances if guests[one.uuid].hvparams.get("secure_boot")),
        lambda some: TellKeys(guests=tuple(guests[one.uuid] for one in some)),
    )
