# SPDX-License-Identifier: BSD-2-Clause
"""Checks that OS providers can be used, and are the same on all nodes of a group."""

from __future__ import annotations

from collections.abc import Iterator

from ganeti.model.node import Node
from ganeti.operations.cluster.verify.check import Check
from ganeti.operations.cluster.verify.findings import Code, Finding
from ganeti.operations.cluster.verify.scene import Question, Scene
from ganeti.rpc.contract.os import DiagnoseProviders, OsProvider


def _diagnose(scene: Scene, node: Node) -> DiagnoseProviders | None:
    del scene
    return DiagnoseProviders() if node.hosting else None


_PROVIDERS: Question[tuple[OsProvider, ...]] = Question("its OS providers", _diagnose)


def _providers(scene: Scene) -> Iterator[Finding]:
    # Several of one name: the first one counts.
    found = {node.name: {p.name: p for p in reversed(providers)} for node, providers in scene.answered(_PROVIDERS)}
    names = sorted({name for providers in found.values() for name in providers})
    for node, providers in found.items():
        for name in names:
            provider = providers.get(name)
            if provider is None:
                having = ", ".join(other for other in found if name in found[other])
                yield Finding(Code.ENODEOS, node, f"lacks the OS {name}, which {having} has")
            elif provider.problem:
                yield Finding(Code.ENODEOS, node, f"the OS {name} cannot be used: {provider.problem}")


CHECKS = (Check("Verifying OS providers", Code.ENODEOS, _providers, (_PROVIDERS,)),)
