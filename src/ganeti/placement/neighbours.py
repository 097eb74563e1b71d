# SPDX-License-Identifier: BSD-2-Clause
"""Which instances should not be together: exclusion tags on a node, and on nodes that fail together."""

from __future__ import annotations

from copy import copy as shallow

import numpy as np
from numpy.typing import NDArray

from ganeti.placement.demand import Floats
from ganeti.placement.snapshot import NO_NODE, Instance, Snapshot
from ganeti.placement.tags import TagRules


class Neighbours:
    """Counts of instances by exclusion tag and primary node, and by exclusion tag and location.

    ``located[node, location]`` is 1 where the node has that location tag; ``shared[node, other]`` is how many
    two nodes have in common.
    """

    def __init__(self, snapshot: Snapshot, rules: TagRules) -> None:
        self.rules = rules
        self._online = np.array([not node.offline for node in snapshot.nodes], dtype=bool)
        locations = [rules.locations(node) for node in snapshot.nodes]
        self._locations = {tag: index for index, tag in enumerate(sorted(frozenset().union(*locations)))}
        self.located: Floats = np.zeros((len(snapshot.nodes), len(self._locations)))
        for node, tags in enumerate(locations):
            self.located[node, [self._locations[tag] for tag in tags]] = 1
        self.shared: Floats = self.located @ self.located.T
        self.on_node: dict[str, Floats] = {}  # by exclusion tag; an entry per node
        self.at_location: dict[str, Floats] = {}  # by exclusion tag; an entry per location

    def copy(self) -> Neighbours:
        other = shallow(self)
        other.on_node = {tag: counts.copy() for tag, counts in self.on_node.items()}
        other.at_location = {tag: counts.copy() for tag, counts in self.at_location.items()}
        return other

    def count(self, instance: Instance, sign: int) -> None:
        for tag in self.rules.excluded(instance):
            on_node = self.on_node.setdefault(tag, np.zeros(len(self.located)))
            on_node[instance.primary] += sign
            if not instance.forthcoming and self._online[instance.primary]:
                at_location = self.located_with(tag)
                at_location += sign * self.located[instance.primary]

    def located_with(self, tag: str) -> Floats:
        """How many instances with an exclusion tag have their primary at each location; modified in place."""
        return self.at_location.setdefault(tag, np.zeros(len(self._locations)))

    def conflicts(self) -> int:
        """Instances beyond the first, over exclusion tags and online nodes."""
        return int(sum(np.maximum(line[self._online] - 1, 0).sum() for line in self.on_node.values()))

    def location_conflicts(self) -> int:
        """Instances beyond the first, over exclusion tags and locations."""
        return int(sum(np.maximum(line - 1, 0).sum() for line in self.at_location.values()))

    def misplacement(self, instance: Instance) -> int:
        """Locations that both nodes of an instance share, and desired ones that its primary lacks.

        Zero if the primary is offline, which is counted separately.
        """
        if not self._online[instance.primary] or not (self._locations or self.rules.desired):
            return 0
        shared = 0 if instance.secondary == NO_NODE else int(self.shared[instance.primary, instance.secondary])
        return shared + int(self.missed(instance)[instance.primary])

    def migration(self, snapshot: Snapshot) -> NDArray[np.bool_] | None:
        """Whether instances can migrate from a node (row) to another (column); None: always."""
        if not self.rules.restricts_migration:
            return None
        return np.array([[self.rules.migrates(one, other) for other in snapshot.nodes] for one in snapshot.nodes])

    def missed(self, instance: Instance) -> Floats:
        """How many of its desired locations the instance would lack, by primary node."""
        desires = self.rules.desires(instance)
        known = [self._locations[tag] for tag in desires if tag in self._locations]
        missed: Floats = len(desires) - self.located[:, known].sum(axis=1)
        return missed
