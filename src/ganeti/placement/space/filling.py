# SPDX-License-Identifier: BSD-2-Clause
"""Filling a cluster: with instances of one size, or with ever smaller ones when larger ones no longer fit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np

from ganeti.model.parameters.policy import Policy
from ganeti.placement.allocator.allocating import outcomes_of
from ganeti.placement.allocator.choices import on_nodes
from ganeti.placement.allocator.failure import Failure
from ganeti.placement.allocator.limits import Limits
from ganeti.placement.allocator.outcome import Outcome, best_of
from ganeti.placement.allocator.request import Allocate
from ganeti.placement.allocator.scene import Scene
from ganeti.placement.snapshot import Instance, Snapshot
from ganeti.placement.space.spec import InstanceSpec


@dataclass(slots=True)
class Filled:
    """The placed instances. ``failures``: why no more fitted, by node or pair of nodes.

    ``tried`` is False if the cluster is not suitable for filling at all.
    """

    scene: Scene
    instances: list[Instance] = field(default_factory=list)
    counts: list[tuple[InstanceSpec, int]] = field(default_factory=list)
    failures: Counter[Failure] = field(default_factory=Counter)
    tried: bool = True

    @property
    def reason(self) -> Failure:
        """The most frequent failure, the first of equals."""
        return max(Failure.listed(), key=lambda failure: self.failures[failure])


@dataclass(frozen=True, slots=True)
class Filler:
    """``independent`` leaves out groups with a node that fails N+1, else ``accept_errors`` uses such nodes too.

    At most ``rounds`` instances are placed, if that is given. Mirrored instances have a node in case theirs dies, so
    the limits on capacity are for the others.
    """

    snapshot: Snapshot
    limits: Limits
    independent: bool = False
    accept_errors: bool = False
    rounds: int | None = None

    def standard(self, spec: InstanceSpec) -> Filled:
        """Place as many instances of that size as fit."""
        filled, allowed = self._begin(spec)
        if allowed is not None:
            self._fill(filled, spec, allowed)
        return filled

    def tiered(self, specs: Sequence[InstanceSpec], policy: Policy) -> Filled:
        """Place as many as fit, then smaller ones, down to the policy's smallest; then so for each further spec."""
        filled, allowed = self._begin(specs[0])
        for spec in specs if allowed is not None else ():
            smaller: InstanceSpec | None = spec
            while smaller is not None:
                failures = self._fill(filled, smaller, allowed or ())
                if self.rounds is not None and len(filled.instances) >= self.rounds:
                    return filled
                smaller = _shrunk(filled.scene, smaller, allowed or (), (policy, failures))
        return filled

    def _begin(self, spec: InstanceSpec) -> tuple[Filled, tuple[int, ...] | None]:
        """The cluster to fill and the nodes that may be used; None if it should not be tried."""
        capacity = self.limits.capacity and spec.required_nodes == 1
        scene = Scene(self.snapshot, msgspec.structs.replace(self.limits, capacity=capacity))
        filled = Filled(scene)
        online = scene.occupancy.online
        unhappy = scene.occupancy.fails_n1() & online
        groups = np.array([node.group for node in self.snapshot.nodes])
        if self.accept_errors and not self.independent:
            scene.ignored = unhappy
            return filled, tuple(int(node) for node in np.flatnonzero(online))
        unhappy = np.isin(groups, groups[unhappy]) if self.independent else np.full(len(groups), unhappy.any())
        if unhappy.all():
            filled.failures[Failure.N1], filled.tried = 1, False
            return filled, None
        scene.ignored = unhappy
        return filled, tuple(int(node) for node in np.flatnonzero(~unhappy))

    def _fill(self, filled: Filled, spec: InstanceSpec, nodes: tuple[int, ...]) -> Counter[Failure]:
        """Why it ended; if by the number of rounds, the failures of one more."""
        count, failures = 0, Counter[Failure]()
        while True:
            instance = filled.scene.cluster.seen(spec.instance(f"new-{len(filled.instances)}"))
            outcomes = _tried(filled.scene, spec, instance, nodes)
            best, failures = best_of(outcomes), _failures(outcomes)
            if best is None or len(filled.instances) == self.rounds:
                break
            placed = on_nodes(instance, best.nodes)
            filled.scene.add(placed)
            filled.instances.append(placed)
            count += 1
        if count or not filled.failures:
            filled.failures = failures
        if count:
            filled.counts.append((spec, count))
        return failures


def _tried(scene: Scene, spec: InstanceSpec, instance: Instance, nodes: tuple[int, ...]) -> list[Outcome]:
    return outcomes_of(scene, Allocate(instance=instance, required_nodes=spec.required_nodes, nodes=nodes))


def _failures(outcomes: list[Outcome]) -> Counter[Failure]:
    return sum((outcome.failures for outcome in outcomes), Counter())


def _shrunk(
    scene: Scene, spec: InstanceSpec, nodes: tuple[int, ...], why: tuple[Policy, Counter[Failure]]
) -> InstanceSpec | None:
    """The next smaller size worth trying: where something fits, or where another failure prevails.

    Going step by step would find the same; as only the failure in question can disappear on the way, a
    binary search works. ``why``: the failures of the last size, and the policy.
    """
    policy, failures = why
    failure = _shrinkable(failures, spec, policy)
    if failure is None:
        return None
    low, high = 1, spec.steps(failure, policy)
    while low < high:
        middle = (low + high) // 2
        smaller = spec.smaller(failure, middle)
        outcomes = _tried(scene, smaller, scene.cluster.seen(smaller.instance("new")), nodes)
        changed = best_of(outcomes) or _shrinkable(_failures(outcomes), smaller, policy) is not failure
        low, high = (low, middle) if changed else (middle + 1, high)
    return spec.smaller(failure, low)


def _shrinkable(failures: Counter[Failure], spec: InstanceSpec, policy: Policy) -> Failure | None:
    """The most frequent failure that a smaller instance could overcome, the last of equals."""
    found = [failure for failure in sorted(failures, reverse=True) if spec.steps(failure, policy)]
    return max(found, key=lambda failure: failures[failure], default=None)
