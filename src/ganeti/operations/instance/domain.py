# SPDX-License-Identifier: BSD-2-Clause
"""What clusters of one domain show one another when an instance moves between them, and what they have agreed on."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from msgspec import Meta

from ganeti.declare.types import MOST_DISKS
from ganeti.errors import WrongInput, WrongState
from ganeti.jobs.context import CheckContext, RunContext, Thing
from ganeti.model.domain import Domain
from ganeti.model.node import Node
from ganeti.rpc.contract.copying import Crossing, Party
from ganeti.rpc.contract.moving import EndMove, MakeMoveKey

if TYPE_CHECKING:
    from collections.abc import Callable

R = TypeVar("R")
_KEY = re.compile(r"move-[0-9a-f]{32}")

KEY_LIFE = 24 * 3600  # seconds from the preparation of a move in which it can begin
_SALT_BYTES = _KEY_BYTES = 16
_LONGEST_CERTIFICATE = 8192  # characters, with its signature
_MOST_PARTS = 8  # of what is signed

SignedCertificate = Annotated[str, Meta(min_length=1, max_length=_LONGEST_CERTIFICATE)]
Signed = Annotated[list[Any], Meta(max_length=_MOST_PARTS)]
Destinations = Annotated[list[Signed], Meta(max_length=MOST_DISKS)]


@dataclass(frozen=True, slots=True)
class OtherEnd:
    """``certificate``: what a node of the other cluster will present (PEM)."""

    certificate: str
    party: Party

    @property
    def fingerprint(self) -> str:
        return self.party.certificates[0]

    def crossing(self, key: str, magic: str, wait: float = 0.0) -> Crossing:
        return Crossing(key=key, certificate=self.certificate, magic=magic, wait=wait)


def domain_of(cluster: CheckContext) -> Domain:
    """Raises WrongState if this cluster is in none."""
    secret = cluster.candidate_files.get("cluster-domain-secret", "").strip()
    if not secret:
        raise WrongState(
            "This cluster has no cluster domain secret, so that it exchanges instances with no other: 'gnt-cluster "
            "renew-crypto --new-cluster-domain-secret' makes one, which the other cluster must have too "
            "(--cluster-domain-secret=FILE)"
        )
    return Domain(secret, lambda: cluster.random.octets(_SALT_BYTES).hex())


def other_end(cluster: CheckContext, domain: Domain, parameter: str, text: str | None) -> OtherEnd:
    """Of a signed certificate. Raises WrongInput."""
    from ganeti.host.certificates import ensure_valid, fingerprint, node_name  # noqa: PLC0415 - slow to import

    if text is None:
        raise WrongInput(f"Parameter '{parameter}' is missing")

    def read() -> OtherEnd:
        pem = domain.ensure_certificate(text)
        ensure_valid(pem, datetime.datetime.fromtimestamp(cluster.now, datetime.UTC))
        return OtherEnd(pem, Party(node_name(pem.encode()), (fingerprint(pem.encode()),)))

    return about(parameter, read)


def about(parameter: str, read: Callable[[], R]) -> R:
    """What ``read`` returns; its errors say which parameter they are of."""
    try:
        return read()
    except WrongInput as error:
        raise WrongInput(f"Parameter '{parameter}': {error.message}") from None


def key_of(domain: Domain, told: Signed | None) -> str:
    """The name of a key of this cluster. Raises WrongInput: of the domain, others can sign any name."""
    if told is None:
        raise WrongInput("Parameter 'x509_key_name' is missing")
    name = about("x509_key_name", lambda: domain.ensure_key_name(told))
    if not _KEY.fullmatch(name):
        raise WrongInput("Parameter 'x509_key_name': it is not the name of a key that OP_BACKUP_PREPARE has made")
    return name


def new_key(cluster: CheckContext) -> str:
    """The name of one, for one move."""
    return f"move-{cluster.random.octets(_KEY_BYTES).hex()}"


async def made_key(cluster: RunContext, node: Node, key: str, domain: Domain) -> tuple[str, str]:
    """Make it on a node: its certificate, signed for the other cluster, and the fingerprint of that."""
    from ganeti.host.certificates import fingerprint  # noqa: PLC0415 - slow to import

    pem = await cluster.call(node, MakeMoveKey(key=key, name=f"{key}.{node.name}", seconds=KEY_LIFE))
    return domain.certificate(pem), fingerprint(pem.encode())


def left(key: str, name: str, node: Node, disks: Sequence[str] = ()) -> Thing:
    """What a move of the instance ``name`` leaves on a node, to be removed; ``disks`` that are awaited there."""
    return f"the key of the move of {name} on {node.name}", node, EndMove(key=key, disks=tuple(disks))
