# SPDX-License-Identifier: BSD-2-Clause
"""Checks that the out-of-band programs of nodes exist."""

from __future__ import annotations

from collections.abc import Iterator

from ganeti.model.node import Node
from ganeti.operations.cluster.verify.check import Check
from ganeti.operations.cluster.verify.findings import Code, Finding
from ganeti.operations.cluster.verify.scene import Question, Scene
from ganeti.rpc.contract.verify import FindPrograms, Problems


def _find_programs(scene: Scene, node: Node) -> FindPrograms | None:
    """The master runs them, for all nodes."""
    if node.uuid != scene.state.cluster.master_node:
        return None
    programs = {scene.state.node_parameters(one).oob_program for one in scene.state.nodes} - {""}
    return FindPrograms(programs=tuple(sorted(programs))) if programs else None


_PROGRAMS: Question[Problems] = Question("its programs for out-of-band management", _find_programs)


def _programs(scene: Scene) -> Iterator[Finding]:
    for node, problems in scene.answered(_PROGRAMS):
        yield from (Finding(Code.ENODEOOBPATH, node.name, f"Parameter 'oob_program': {text}") for text in problems)


CHECKS = (Check("Verifying out-of-band programs", Code.ENODEOOBPATH, _programs, (_PROGRAMS,)),)
