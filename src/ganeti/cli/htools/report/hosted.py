# SPDX-License-Identifier: BSD-2-Clause
"""The instances of each node in the order of the table of nodes: the last one added comes first.

Forthcoming instances are not listed.
"""

from __future__ import annotations

from collections.abc import Iterable

from ganeti.placement import demand
from ganeti.placement.balance.move import Step
from ganeti.placement.snapshot import NO_NODE, Snapshot


class Hosted:
    """``primaries`` and ``secondaries`` have a list of instances for each node, all by their index in ``snapshot``.

    ``peers``: the primary nodes of each node's secondaries with the MiB reserved for each, largest first.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.primaries: list[list[int]] = [[] for _ in snapshot.nodes]
        self.secondaries: list[list[int]] = [[] for _ in snapshot.nodes]
        self.peers: list[list[tuple[int, int]]] = [[] for _ in snapshot.nodes]
        for index, instance in enumerate(snapshot.instances):
            if not instance.forthcoming:
                self._enter(index, instance.primary, instance.secondary)
                self._keep(instance.secondary, instance.primary, demand.reserved_memory(instance))

    def after(self, steps: Iterable[Step]) -> Hosted:
        """The same after the steps of a plan. A moved instance counts as newly added also on a node that it keeps."""
        for step in steps:
            instance = self.snapshot.instances[step.move.instance]
            if not instance.forthcoming:
                self._leave(step.move.instance, *step.before)
                self._enter(step.move.instance, *step.after)
                memory = demand.reserved_memory(instance)
                self._keep(step.before[1], step.before[0], -memory, leaves=True)
                self._keep(step.after[1], step.after[0], memory)
        return self

    def _enter(self, index: int, primary: int, secondary: int) -> None:
        self.primaries[primary].insert(0, index)
        if secondary != NO_NODE:
            self.secondaries[secondary].insert(0, index)

    def _leave(self, index: int, primary: int, secondary: int) -> None:
        self.primaries[primary].remove(index)
        if secondary != NO_NODE:
            self.secondaries[secondary].remove(index)

    def _keep(self, node: int, peer: int, memory: int, *, leaves: bool = False) -> None:
        """Change what a node reserves for another; a peer with nothing reserved is dropped."""
        if node == NO_NODE:
            return
        before = dict(self.peers[node]).get(peer, 0)
        others = [entry for entry in self.peers[node] if entry[0] != peer]
        kept = [] if leaves and before + memory == 0 else [(peer, before + memory)]
        self.peers[node] = sorted([*kept, *others], key=lambda entry: -entry[1])
