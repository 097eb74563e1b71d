# SPDX-License-Identifier: BSD-2-Clause
"""The source of rows: the configuration and what is presently known about the nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ganeti.model.guest_agent import GuestAddresses
from ganeti.model.instance import AdminState, Instance
from ganeti.model.node import Node
from ganeti.model.report import GuestEvent, NodeReport
from ganeti.model.running_program import RunningProgram
from ganeti.model.state import State


@dataclass(frozen=True, slots=True)
class View:
    """``guests``: by node UUID, the guests on it by UUID; None for a node whose guests are unknown.

    ``unknown``: by node UUID, its hypervisors whose guests are unknown. ``reports``: by node UUID; those that were
    requested and received. ``addresses``: by UUID, of guests with a channel for an agent, if they were requested;
    ``programs``: by UUID, of running guests, if they were requested.
    """

    state: State
    guests: Mapping[str, Mapping[str, GuestEvent] | None] = field(default_factory=dict)
    unknown: Mapping[str, frozenset[str]] = field(default_factory=dict)
    reports: Mapping[str, NodeReport] = field(default_factory=dict)
    addresses: Mapping[str, GuestAddresses] = field(default_factory=dict)
    programs: Mapping[str, RunningProgram] = field(default_factory=dict)

    def knows_of(self, instance: Instance) -> bool:
        """Whether the guest's state on the node where it should be is known."""
        node = instance.primary_node
        return self.guests.get(node) is not None and instance.hypervisor not in self.unknown.get(node, ())

    def guest(self, instance: Instance) -> GuestEvent | None:
        """The guest where it should be, if it runs there."""
        event = (self.guests.get(instance.primary_node) or {}).get(instance.uuid)
        return event if event and event.state.runs else None

    def elsewhere(self, instance: Instance) -> str | None:
        """UUID of another node on which it runs."""
        for node, guests in self.guests.items():
            event = (guests or {}).get(instance.uuid)
            if event and node != instance.primary_node and event.state.runs:
                return node
        return None

    def status(self, instance: Instance) -> str:
        """The status as in ``gnt-instance list -o status``."""
        if instance.forthcoming:
            return "ADMIN_down"  # wherever it will be
        node = self.state.get(Node, instance.primary_node)
        if node.offline:
            return "ERROR_nodeoffline"
        if self.elsewhere(instance):
            return "ERROR_wrongnode"
        if not self.knows_of(instance):
            return "ERROR_nodedown"
        if self.guest(instance):
            return "running" if instance.admin_state is AdminState.UP else "ERROR_up"
        if instance.admin_state is AdminState.UP:
            return "ERROR_down"
        if instance.admin_state is AdminState.OFFLINE:
            return "ADMIN_offline"
        return "USER_down" if instance.admin_state_source == "user" else "ADMIN_down"
