# SPDX-License-Identifier: BSD-2-Clause
"""Renewing a node's key, its certificate and the CAs it trusts, while it runs.

Each file is replaced atomically, and each call can be repeated, so a node that loses power at any moment has a
certificate that matches its key. Daemons check the files at each new connection.
"""

from __future__ import annotations

from contextlib import suppress

from msgspec import ValidationError, convert

from ganeti.errors import WrongInput, WrongState
from ganeti.host.certificates import Credentials, fingerprint, fits, issued_by, node_name, request_certificate, split
from ganeti.host.files import read_text, write_atomic
from ganeti.host.paths import Paths
from ganeti.rpc.contract.keys import (
    MOST_HOST_KEYS,
    Application,
    HostKeys,
    RequestCertificate,
    TakeCertificate,
    TellAuthorities,
    TellHostKeys,
    TrustAuthorities,
)
from ganeti.rpc.server import Report


class Keys:
    """Handlers of ``rpc/contract/keys.py``."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths

    async def tell_host_keys(self, call: TellHostKeys, report: Report) -> HostKeys:
        """What is no host key is left out."""
        del call, report
        found: list[str] = []
        for path in sorted(self._paths.ssh_host_keys.glob("ssh_host_*_key.pub")):
            with suppress(ValidationError, WrongInput, OSError):
                found += convert((" ".join((read_text(path) or "").split()[:2]),), HostKeys)
        return tuple(found[:MOST_HOST_KEYS])

    async def tell_authorities(self, call: TellAuthorities, report: Report) -> tuple[str, ...]:
        del call, report
        return tuple(one.decode() for one in split(self._paths.ca_certificate.read_bytes()))

    async def trust_authorities(self, call: TrustAuthorities, report: Report) -> None:
        del report
        if not issued_by(self._own(), (one.encode() for one in call.authorities)):
            raise WrongState("This node's own certificate is of none of these authorities; it would cut itself off")
        write_atomic(self._paths.ca_certificate, "".join(f"{one.strip()}\n" for one in call.authorities))

    async def request_certificate(self, call: RequestCertificate, report: Report) -> Application:
        del call, report
        key, request = request_certificate(node_name(self._own()))
        write_atomic(self._paths.next_node_key, key)
        return Application(request.decode(), fingerprint(self._own()))

    async def take_certificate(self, call: TakeCertificate, report: Report) -> None:
        del report
        certificate, pending = call.certificate.encode(), self._paths.next_node_key
        if certificate.strip() in self._own():
            return  # already in use, after a call whose answer was lost
        self._ensure_own(certificate)
        write_atomic(self._paths.node_certificate, Credentials(certificate, pending.read_bytes()).together)
        pending.unlink()
        self._paths.node_key.unlink(missing_ok=True)

    def _own(self) -> bytes:
        return self._paths.node_certificate.read_bytes()

    def _ensure_own(self, certificate: bytes) -> None:
        pending = self._paths.next_node_key
        if not pending.exists() or not fits(certificate, pending.read_bytes()):
            raise WrongState("This certificate is not of a key that this node has made")
        if node_name(certificate) != node_name(self._own()):
            raise WrongState(f"This certificate is for {node_name(certificate)}")
        if not issued_by(certificate, split(self._paths.ca_certificate.read_bytes())):
            raise WrongState("This certificate is of no authority that this node trusts")
