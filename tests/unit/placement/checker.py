# SPDX-License-Identifier: BSD-2-Clause
"""An independent judge of plans: replays steps with plain dictionaries and says what a step breaks.

It shares no code with the search: sums are made anew from the instances after every step.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ganeti.placement.balance.move import Step
from ganeti.placement.snapshot import NO_NODE, Instance, Snapshot
from ganeti.placement.tags import tag_rules


@dataclass(frozen=True)
class State:
    """The instances of a snapshot, on the nodes where they are now."""

    snapshot: Snapshot
    instances: tuple[Instance, ...]

    def free_memory(self, node: int) -> int:
        before = sum(i.memory for i in self.snapshot.instances if _holds(i) and i.primary == node)
        now = sum(i.memory for i in self.instances if _holds(i) and i.primary == node)
        it = self.snapshot.nodes[node]
        return min(it.free_memory + before, it.total_memory - it.node_memory) - now

    def free_disk(self, node: int) -> int:
        before = sum(i.disk for i in self.snapshot.instances if _stored(i) and node in i.nodes)
        now = sum(i.disk for i in self.instances if _stored(i) and node in i.nodes)
        return self.snapshot.nodes[node].free_disk + before - now

    def lacks_memory_for_a_death(self, node: int) -> bool:
        """Whether a peer's death would need more memory than the node has free."""
        needed: dict[int, int] = {}
        for i in self.instances:
            if i.secondary == node and i.auto_balance and i.status.may_start and not i.forthcoming:
                needed[i.primary] = needed.get(i.primary, 0) + i.memory
        return max(needed.values(), default=0) > max(self.free_memory(node), 0)

    def conflicts(self, node: int) -> int:
        rules = tag_rules(self.snapshot.tags)
        tags = [tag for i in self.instances if i.primary == node for tag in rules.excluded(i)]
        return len(tags) - len(set(tags))

    def after(self, step: Step) -> State:
        instances = list(self.instances)
        instances[step.move.instance] = instances[step.move.instance].at(*step.after)
        return State(self.snapshot, tuple(instances))


def _holds(instance: Instance) -> bool:
    return instance.status.holds_memory and not instance.forthcoming


def _stored(instance: Instance) -> bool:
    return instance.takes_disk and not instance.forthcoming


def faults(snapshot: Snapshot, steps: Iterable[Step]) -> Iterator[str]:
    """What is wrong with a plan: a line a fault. A step may leave bad what was bad, but nothing may get worse."""
    state = State(snapshot, snapshot.instances)
    for number, step in enumerate(steps, 1):
        instance = state.instances[step.move.instance]
        if (instance.primary, instance.secondary) != step.before:
            yield f"step {number}: {instance.name} is not where the step says"
        after = state.after(step)
        for node in {*step.after} - {NO_NODE}:
            yield from (f"step {number}: {fault}" for fault in _faults(state, after, node, step))
        state = after


def _faults(before: State, after: State, node: int, step: Step) -> Iterator[str]:
    name = before.snapshot.nodes[node].name
    leaves_offline = any(before.snapshot.nodes[n].offline for n in step.before if n != NO_NODE)
    if before.snapshot.nodes[node].offline:
        if node not in step.before:
            yield f"{name} is offline"
        return
    comes = node == step.after[0] and node != step.before[0] and not before.instances[step.move.instance].forthcoming
    if comes and after.free_memory(node) < 0:
        yield f"{name} has not the memory"
    if node not in step.before and after.free_disk(node) < 0:
        yield f"{name} has not the disk"
    if leaves_offline:
        return
    if after.lacks_memory_for_a_death(node) and not before.lacks_memory_for_a_death(node):
        yield f"{name} fails N+1"
    if after.conflicts(node) > before.conflicts(node):
        yield f"{name} has instances with a common exclusion tag"
