# SPDX-License-Identifier: BSD-2-Clause
"""Checks that master candidates have the same configuration as the master."""

from __future__ import annotations

from collections.abc import Iterator

from ganeti.operations.cluster.verify.check import Check
from ganeti.operations.cluster.verify.findings import Code, Finding
from ganeti.operations.cluster.verify.scene import Scene


def _replicas(scene: Scene) -> Iterator[Finding]:
    for node, problem in scene.replicas.items():
        told = f"the replica of the configuration on {node} {problem}"
        yield Finding(Code.ECLUSTERFILECHECK, "", told, warning=node in scene.silent)


CHECKS = (Check("Verifying replicas of the configuration", Code.ECLUSTERFILECHECK, _replicas),)
