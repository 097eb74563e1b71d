# SPDX-License-Identifier: BSD-2-Clause
"""Checks the cluster's files on every node."""

from __future__ import annotations

from collections.abc import Iterator

from ganeti.config.ssconf import digest, facts_of, file_values
from ganeti.operations.cluster.verify.check import Check
from ganeti.operations.cluster.verify.findings import Code, Finding
from ganeti.operations.cluster.verify.scene import Question, Scene
from ganeti.rpc.contract.verify import CheckSecrets, CheckUsers, DigestFacts, Problems

_FACTS: Question[str] = Question(
    "its ssconf files", lambda scene, _node: DigestFacts(files=tuple(file_values(scene.state)))
)
_SECRETS: Question[Problems] = Question("who can read its keys", lambda _scene, _node: CheckSecrets())


_USERS: Question[Problems] = Question(
    "its users of the remote API", lambda _scene, node: CheckUsers() if node.master_candidate else None
)


def _facts(scene: Scene) -> Iterator[Finding]:
    wanted = digest(facts_of(scene.state))
    which = " or ".join(("ssconf files", *file_values(scene.state)))
    for node, found in scene.answered(_FACTS):
        if found != wanted:
            yield Finding(Code.ENODEFILECHECK, node.name, f"its {which} differ from the master's")


def _secrets(scene: Scene) -> Iterator[Finding]:
    yield from _as_told(scene, _SECRETS)


def _users(scene: Scene) -> Iterator[Finding]:
    yield from _as_told(scene, _USERS)


def _as_told(scene: Scene, question: Question[Problems]) -> Iterator[Finding]:
    for node, problems in scene.answered(question):
        yield from (Finding(Code.ENODEFILECHECK, node.name, problem) for problem in problems)


CHECKS = (
    Check("Verifying ssconf files", Code.ENODEFILECHECK, _facts, (_FACTS,)),
    Check("Verifying modes of secret files", Code.ENODEFILECHECK, _secrets, (_SECRETS,)),
    Check("Verifying users of the remote API", Code.ENODEFILECHECK, _users, (_USERS,)),
)
