# SPDX-License-Identifier: BSD-2-Clause
"""Names for instances."""

from __future__ import annotations

from ganeti.errors import AlreadyExists, WrongState
from ganeti.jobs.context import CheckContext
from ganeti.model.instance import Instance

_PING_PORT = 22


async def new_name(
    cluster: CheckContext, given: str, *, name_check: bool, ip_check: bool, own: Instance | None = None
) -> str:
    """``given`` as resolved by DNS (``name_check``), if no machine answers at its address (``ip_check``).

    ``own``: an instance that may already have the name. Raises ResolverError, WrongState or AlreadyExists.
    """
    name = given.lower()
    if name_check:
        name, address = await cluster.resolver.resolve(name)
        if ip_check and await cluster.resolver.answers(address, _PING_PORT):
            raise WrongState(
                f"A machine at the address of {name} ({address}) answers; use --no-ip-check to skip this check"
            )
    if cluster.state.names.get((Instance.kind, name), own and own.uuid) != (own and own.uuid):
        raise AlreadyExists(f"Instance '{name}' is already in the cluster")
    return name
