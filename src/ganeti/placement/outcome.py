# SPDX-License-Identifier: BSD-2-Clause
"""The cluster as it will be reported once instances have moved."""

from __future__ import annotations

import msgspec

from ganeti.placement.demand import Resource, taken
from ganeti.placement.snapshot import Snapshot

Places = dict[str, tuple[int, int]]  # primary and secondary node by the instance's name


def outcome(snapshot: Snapshot, places: Places) -> Snapshot:
    """With instances on other nodes, and the nodes' free memory, disk and spindles changed by that."""
    moved = snapshot.with_places(places)
    freed = taken(snapshot) - taken(moved)
    return moved.with_nodes(
        msgspec.structs.replace(
            node,
            free_memory=node.free_memory + int(freed[Resource.MEMORY, index]),
            free_disk=node.free_disk + int(freed[Resource.DISK, index]),
            free_spindles=node.free_spindles + int(freed[Resource.SPINDLES, index]),
        )
        for index, node in enumerate(snapshot.nodes)
    )
