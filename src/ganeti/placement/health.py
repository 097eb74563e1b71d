# SPDX-License-Identifier: BSD-2-Clause
"""Problems of the placement of instances (hcheck(1))."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from ganeti.placement.allocator.capacity import Capacity
from ganeti.placement.occupancy import Occupancy
from ganeti.placement.score import score
from ganeti.placement.snapshot import Instance, Snapshot


class Health(Struct, frozen=True, kw_only=True):
    """Counts of nodes and of instances; of one group or, added up, of all.

    ``offline_secondaries`` is, despite its name, the number of offline nodes: that is what Ganeti's hcheck counts
    there, and scripts rely on it.
    """

    n1_failures: int = 0
    conflicting_nodes: int = 0
    offline_primaries: int = 0
    offline_secondaries: int = 0
    stuck_nodes: int = 0  # whose instances would not all fit elsewhere if they died
    score: float = 0.0

    @property
    def ill(self) -> bool:
        return any(
            (
                self.n1_failures,
                self.conflicting_nodes,
                self.offline_primaries,
                self.offline_secondaries,
                self.stuck_nodes,
            )
        )

    def __add__(self, other: Health) -> Health:
        return Health(
            n1_failures=self.n1_failures + other.n1_failures,
            conflicting_nodes=self.conflicting_nodes + other.conflicting_nodes,
            offline_primaries=self.offline_primaries + other.offline_primaries,
            offline_secondaries=self.offline_secondaries + other.offline_secondaries,
            stuck_nodes=self.stuck_nodes + other.stuck_nodes,
        )


def health(snapshot: Snapshot, occupancy: Occupancy, *, capacity: bool = True) -> Health:
    """Of one group; ``snapshot`` and ``occupancy`` agree on places.

    ``capacity``: also find nodes that cannot be evacuated.
    """
    offline = ~occupancy.online
    conflicting = np.zeros(len(snapshot.nodes), dtype=bool)
    for counts in occupancy.neighbours.on_node.values():
        conflicting |= counts > 1
    stuck = int(Capacity(snapshot, occupancy, counts=_every_one).stuck().sum()) if capacity else 0
    return Health(
        n1_failures=int((occupancy.fails_n1() & occupancy.online).sum()),
        conflicting_nodes=int(conflicting.sum()),
        offline_primaries=int(occupancy.primaries[offline].sum()),
        offline_secondaries=int(offline.sum()),
        stuck_nodes=stuck,
        score=score(occupancy),
    )


def _every_one(instance: Instance) -> bool:
    """Every instance: nodes are evacuated including stopped ones."""
    del instance
    return True
