# SPDX-License-Identifier: BSD-2-Clause
"""What is worth knowing but not a problem."""

from __future__ import annotations

from collections.abc import Iterator

from ganeti.model.guest_state import GuestState
from ganeti.model.template import TEMPLATES
from ganeti.operations.cluster.verify.checks.instances import running
from ganeti.operations.cluster.verify.scene import Scene

_AT_REST = (GuestState.PAUSED, GuestState.SUSPENDED)


def notes(scene: Scene) -> Iterator[str]:
    """The notes about a group, each a sentence."""
    if scene.state.cluster.watcher_paused_until > scene.now:
        yield "The watcher is paused: instances that go down are not restarted."
    if fixed := sum(not TEMPLATES[instance.disk_template].movable for instance in scene.instances):
        yield f"{fixed} non-redundant instance(s) found."
    if paused := [g.name for found in running(scene).values() for g in found.values() if g.state in _AT_REST]:
        yield f"{len(paused)} paused instance(s) found: {', '.join(paused)}."
    for node in scene.nodes:
        if node.name in scene.silent:
            primaries = sum(instance.primary_node == node.uuid for instance in scene.instances)
            yield f"Unknown, since {node.name} does not answer: its state, and whether its {primaries} instance(s) run."
    if offline := sum(node.offline for node in scene.nodes):
        yield f"{offline} offline node(s) found."
    if drained := sum(node.drained for node in scene.nodes):
        yield f"{drained} drained node(s) found."
