# SPDX-License-Identifier: BSD-2-Clause
"""Checks that only master candidates have the files that a master needs."""

from __future__ import annotations

from collections.abc import Iterator

from ganeti.model.node import Node
from ganeti.operations.cluster.verify.check import Check
from ganeti.operations.cluster.verify.findings import Code, Finding
from ganeti.operations.cluster.verify.scene import Question, Scene
from ganeti.rpc.contract.verify import TellCandidateFiles


def _ask(scene: Scene, node: Node) -> TellCandidateFiles | None:
    del scene
    return None if node.master_candidate else TellCandidateFiles()


_FILES: Question[tuple[str, ...]] = Question("which files of master candidates it has", _ask)


def _leftovers(scene: Scene) -> Iterator[Finding]:
    for node, files in scene.answered(_FILES):
        if files:
            text = f"is not a master candidate, and still has {', '.join(files)}"
            yield Finding(Code.ENODEFILECHECK, node.name, text)


CHECKS = (Check("Verifying what only master candidates may have", Code.ENODEFILECHECK, _leftovers, (_FILES,)),)
