# SPDX-License-Identifier: BSD-2-Clause
"""Checks that one node is the master, and holds the cluster's address."""

from __future__ import annotations

from collections.abc import Iterator

from ganeti.model.node import Node
from ganeti.operations.cluster.verify.check import Check
from ganeti.operations.cluster.verify.findings import Code, Finding
from ganeti.operations.cluster.verify.scene import Question, Scene
from ganeti.rpc.contract.verify import Claim, TellClaim


def _tell_claim(scene: Scene, node: Node) -> TellClaim:
    del node
    return TellClaim(address=scene.state.cluster.master_ip)


_CLAIM: Question[Claim] = Question("whom it takes for the master", _tell_claim)


def _masters(scene: Scene) -> Iterator[Finding]:
    cluster = scene.state.cluster
    for node, claim in scene.answered(_CLAIM):
        if node.uuid == cluster.master_node:
            if cluster.master_ip and not claim.holds:
                text = f"is the master, and does not hold the cluster's address {cluster.master_ip}"
                yield Finding(Code.ENODENET, node.name, text)
            if scene.address:
                yield Finding(Code.ENODENET, node.name, f"the cluster's address: {scene.address}")
            continue
        if claim.master == node.name:
            yield Finding(Code.ENODESETUP, node.name, "believes that it is the master")
        if claim.serves:
            yield Finding(Code.ENODESETUP, node.name, "runs a master daemon (ganeti-masterd), and is not the master")
        if claim.holds:
            text = f"holds the cluster's address {cluster.master_ip}, and is not the master"
            yield Finding(Code.ENODENET, node.name, text)


CHECKS = (Check("Verifying that there is one master", Code.ENODESETUP, _masters, (_CLAIM,)),)
