# SPDX-License-Identifier: BSD-2-Clause
"""Checks that certificates are readable and do not expire soon, and that no renewal is left unfinished."""

from __future__ import annotations

from collections.abc import Iterator

from ganeti.operations.cluster.verify.check import Check
from ganeti.operations.cluster.verify.findings import Code, Finding
from ganeti.operations.cluster.verify.scene import Question, Scene
from ganeti.rpc.contract.verify import Certificate, CountAuthorities, DescribeCertificates

_DAY = 86400.0
# Days before its expiry from which a certificate causes a warning, or an error; as in Ganeti.
_WARN, _ERROR = 30, 7
_OWN = "node.pem"

_CERTIFICATES: Question[tuple[Certificate, ...]] = Question(
    "its certificates", lambda _scene, _node: DescribeCertificates()
)


_AUTHORITIES: Question[int] = Question("how many authorities it trusts", lambda _scene, _node: CountAuthorities())


def _expiry(scene: Scene) -> Iterator[Finding]:
    for node, certificates in scene.answered(_CERTIFICATES):
        for certificate in certificates:
            code = Code.ECLUSTERCLIENTCERT if certificate.file == _OWN else Code.ECLUSTERCERT
            days = (certificate.expires - scene.now) / _DAY
            text = certificate.problem or _ending(days)
            if text:
                warning = not certificate.problem and days >= _ERROR
                yield Finding(code, "", f"certificate {certificate.file} on node {node.name} {text}", warning)


def _ending(days: float) -> str:
    if days <= 0:
        return "has expired"
    return f"expires in {days:.0f} day(s)" if days < _WARN else ""


def _unfinished(scene: Scene) -> Iterator[Finding]:
    trusting = {node.name for node, count in scene.answered(_AUTHORITIES) if count > 1}
    announced = {node.name for node in scene.nodes if node.next_certificate}
    for name in sorted(trusting | announced):
        text = f"old and new certificates are both good on or of node {name}: a renewal is under way, or has stopped"
        yield Finding(Code.ECLUSTERCERT, "", f"{text}; then run 'gnt-cluster renew-crypto' again", warning=True)


CHECKS = (
    Check("Verifying certificates", Code.ECLUSTERCERT, _expiry, (_CERTIFICATES,)),
    Check("Verifying that no renewal has stopped", Code.ECLUSTERCERT, _unfinished, (_AUTHORITIES,)),
)
