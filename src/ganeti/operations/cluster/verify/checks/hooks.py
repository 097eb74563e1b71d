# SPDX-License-Identifier: BSD-2-Clause
"""Checks that directories of hooks have valid names, and that nobody else can add hooks."""

from __future__ import annotations

from collections.abc import Iterator

from ganeti.operations.cluster.verify.check import Check
from ganeti.operations.cluster.verify.findings import Code, Finding
from ganeti.operations.cluster.verify.scene import Question, Scene
from ganeti.rpc.contract.verify import CheckHooks, Problems

_HOOKS: Question[Problems] = Question("its hooks", lambda _scene, _node: CheckHooks())


def _hooks(scene: Scene) -> Iterator[Finding]:
    for node, problems in scene.answered(_HOOKS):
        yield from (Finding(Code.ENODEHOOKS, node.name, problem) for problem in problems)


CHECKS = (Check("Verifying hooks", Code.ENODEHOOKS, _hooks, (_HOOKS,)),)
