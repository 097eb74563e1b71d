# SPDX-License-Identifier: BSD-2-Clause
"""Checks that every node resolves the names of nodes and of the cluster to the addresses in the configuration.

Calls use addresses, so a name that resolves differently is only a warning: it misleads users, SSH and consoles.
"""

from __future__ import annotations

from collections.abc import Iterator

from ganeti.model.node import Node
from ganeti.operations.cluster.verify.check import Check
from ganeti.operations.cluster.verify.checks.network import neighbours
from ganeti.operations.cluster.verify.findings import Code, Finding
from ganeti.operations.cluster.verify.scene import Question, Scene
from ganeti.rpc.contract.verify import LookUpNames, Problems


def _look_up(scene: Scene, node: Node) -> LookUpNames:
    """Resolve its own name, the master's, and those of the nodes that it tries to reach; all may be too many."""
    state = scene.state
    names = {one.name: one.primary_ip for one in (node, state.master, *neighbours(scene, node))}
    if state.cluster.master_ip:
        names[state.cluster.name] = state.cluster.master_ip
    return LookUpNames(names=names)


_NAMES: Question[Problems] = Question("what names mean there", _look_up)


def _names(scene: Scene) -> Iterator[Finding]:
    for node, problems in scene.answered(_NAMES):
        yield from (Finding(Code.ENODENET, node.name, problem, warning=True) for problem in problems)


CHECKS = (Check("Verifying names of nodes", Code.ENODENET, _names, (_NAMES,)),)
