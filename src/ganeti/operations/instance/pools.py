# SPDX-License-Identifier: BSD-2-Clause
"""The thin pools of LVM that disks are in."""

from __future__ import annotations

from collections.abc import Collection

from ganeti.errors import WrongInput, WrongState
from ganeti.jobs.context import CheckContext
from ganeti.model.guest import has_own_spindles
from ganeti.model.instance import Instance
from ganeti.model.node import Node
from ganeti.model.template import unit_of
from ganeti.rpc.contract.storage import CheckStorage


async def ensure_pools(cluster: CheckContext, instance: Instance, *, made: Collection[int] | None = None) -> None:
    """Raise WrongState if its node says that nothing can be created in the thin pools of its disks.

    ``made``: the numbers of the disks to be created or grown, all if it is None. Raises WrongInput where
    storage is exclusive: disks in a pool share physical volumes.
    """
    disks = [disk for number, disk in enumerate(instance.disks) if disk.thin_pool and (made is None or number in made)]
    if not disks:
        return
    if has_own_spindles(cluster.state, instance):
        raise WrongInput(
            f"Parameter 'thinpool': where storage is exclusive no disk can be in a thin pool ('{disks[0].thin_pool}'); "
            "if that comes from the disk parameters of the cluster, give the node group others (-D plain:thinpool=)"
        )
    node = cluster.state.get(Node, instance.primary_node)
    units = {unit for disk in disks if (unit := unit_of(cluster.state.cluster, disk))}
    call = CheckStorage(units=tuple(sorted(units, key=lambda unit: unit.key)))
    if problems := await cluster.call(node, call):
        raise WrongState("\n".join(f"On node {node.name}: {problem}" for problem in problems))
