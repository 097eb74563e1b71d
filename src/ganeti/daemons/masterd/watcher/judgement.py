# SPDX-License-Identifier: BSD-2-Clause
"""Whether an instance has to be started, and if not, why not. Pure: everything it depends on is passed in."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto

from ganeti.model.instance import AdminState, Instance
from ganeti.model.node import Node
from ganeti.model.restarts import MOST_RESTARTS, RESTART_WINDOW, due, exhausted
from ganeti.model.state import State
from ganeti.operations.instance.activation import is_mirrored
from ganeti.operations.instance.presence import shut_itself_down
from ganeti.operations.instance.subject import nodes_of
from ganeti.rpc.watch import LiveView


class Action(Enum):
    """``NOTE``: record that its guest has shut itself down, which was not recorded at the time.

    ``LEAVE``: do nothing unless something changes; ``WAIT``: for the time in the verdict.
    """

    NOTHING = auto()
    START = auto()
    NOTE = auto()
    LEAVE = auto()
    WAIT = auto()


@dataclass(frozen=True, slots=True)
class Verdict:
    """``why`` completes "Instance web1 is not started: "; ``seconds``: how long to wait."""

    action: Action
    why: str = ""
    seconds: float = 0.0


GIVEN_UP = (
    f"given up, since it was started {MOST_RESTARTS} times within {RESTART_WINDOW / 3600:.0f} hours; once the cause is "
    "gone, 'gnt-instance startup' starts it"
)
_BUSY = 5.0  # seconds until the next check whether a job still works on an instance


@dataclass(frozen=True, slots=True)
class Judge:
    """``busy``: names of the instances that jobs work on, or wait for."""

    state: State
    live: LiveView
    busy: Collection[str]
    now: float

    def verdict(self, instance: Instance) -> Verdict:
        """What has to be done for one instance."""
        if not self._lost(instance):
            return Verdict(Action.NOTHING)
        if why := next(self._obstacles(instance), ""):
            return Verdict(Action.LEAVE, why)
        if instance.name in self.busy:
            return Verdict(Action.WAIT, "a job works on it", _BUSY)
        if shut_itself_down(self.state, self.live, instance):
            return Verdict(Action.NOTE, "its guest has shut itself down")
        seconds = due(instance.restarts, self.now) - self.now
        if exhausted(instance.restarts, self.now):
            return Verdict(Action.WAIT, GIVEN_UP, seconds)
        if seconds > 0:
            return Verdict(Action.WAIT, "it was started a moment ago", seconds)
        return Verdict(Action.START)

    def _lost(self, instance: Instance) -> bool:
        """Whether it should run on a node that answers but does not have its guest."""
        node = self.state.get(Node, instance.primary_node)
        if instance.admin_state is not AdminState.UP or not node.hosting:
            return False
        guests = self.live.guests_on(node.uuid, instance.hypervisor)
        return guests is not None and instance.uuid not in guests

    def _obstacles(self, instance: Instance) -> Iterator[str]:
        """Reasons not to start it, checked again when a node is seen, or something happens to a guest."""
        for uuid in self.live.where(instance.uuid):
            yield f"it is on {self.state.get(Node, uuid).name}, which is not its primary node"
        for node in self._silent(nodes_of(self.state, instance) if is_mirrored(instance) else ()):
            yield f"{node.name}, which has a copy of its disks, does not answer and is not marked offline"
        for node in self._silent(self.state.hosting_nodes, instance.hypervisor):
            if self.live.might_have(node.uuid, instance.uuid, instance.hypervisor):
                yield f"{node.name}, which might be running it, does not answer and is not marked offline"

    def _silent(self, nodes: Iterable[Node], hypervisor: str = "") -> Iterator[Node]:
        return (node for node in nodes if node.hosting and not self.live.reachable(node.uuid, hypervisor))
