# SPDX-License-Identifier: BSD-2-Clause
"""TLS with the present files of a node at each new connection: they can be renewed while daemons run."""

from __future__ import annotations

import hashlib
import logging
import ssl
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from ganeti.errors import EnvironmentUnfit
from ganeti.host.files import Stamp, stamp
from ganeti.host.paths import Paths
from ganeti.host.reasons import reason

_log = logging.getLogger(__name__)

# Whether a server may present the certificate with this fingerprint: (name, SHA-256 in hex).
Recognises = Callable[[str, str], bool]


class Followed:
    """A context that is re-created when one of its files has been replaced.

    While that fails, as between the replacements of two files, the last one is used.
    """

    def __init__(self, make: Callable[[], ssl.SSLContext], files: Sequence[Path]) -> None:
        self._make = make
        self._files = files
        self._seen = self._look()
        self._context = make()

    def __call__(self) -> ssl.SSLContext:
        seen = self._look()
        if seen != self._seen:
            try:
                self._context, self._seen = self._make(), seen
            except EnvironmentUnfit as error:
                _log.warning("%s", error.message)
        return self._context

    def _look(self) -> list[Stamp | None]:
        return [stamp(path) for path in self._files]


def node_server(paths: Paths) -> ssl.SSLContext:
    """For the node daemon: callers need a certificate of the cluster to complete the handshake."""
    files = (paths.node_certificate, paths.node_key, paths.ca_certificate)
    return _at_each_handshake(Followed(partial(server_context, *files), files))


def node_client(paths: Paths) -> Followed:
    """For calls to node daemons."""
    files = (paths.node_certificate, paths.node_key, paths.ca_certificate)
    return Followed(partial(client_context, *files), files)


def showing(certificate: Path, key: Path | None = None) -> ssl.SSLContext:
    """For a server whose clients need no certificate."""
    files = (certificate, *([key] if key else []))
    return _at_each_handshake(Followed(partial(_public_context, certificate, key), files))


def server_context(certificate: Path, key: Path, ca: Path) -> ssl.SSLContext:
    """Of a node daemon; ``key`` is only used if ``certificate`` contains none."""
    context = _server()
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    _load(context, certificate, key, ca)
    return context


def client_context(certificate: Path, key: Path, ca: Path) -> ssl.SSLContext:
    """For callers of nodes. The peer's certificate is checked against its name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    _load(context, certificate, key, ca)
    return context


def one_time_server(own: Path, other: str) -> ssl.SSLContext:
    """With the certificate and key in the file ``own``, for clients that have the certificate ``other`` (PEM)."""
    context = _server()
    context.verify_mode = ssl.CERT_REQUIRED
    return _pinned(context, own, other)


def one_time_client(own: Path, other: str) -> ssl.SSLContext:
    """Likewise, for a server that has ``other``."""
    return _pinned(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), own, other)


def _pinned(context: ssl.SSLContext, own: Path, other: str) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_cert_chain(own)
        context.load_verify_locations(cadata=other)
    except FileNotFoundError:
        raise EnvironmentUnfit("The key that was made for this move is gone; begin the move again") from None
    except ssl.SSLError as error:
        raise EnvironmentUnfit(f"The certificates of this move cannot be used: {reason(error)}") from None
    return context


def recognising(context: ssl.SSLContext, recognises: Recognises) -> None:
    """Make a client's connections fail, before anything is sent, if the server's certificate is not recognised."""

    class Connection(ssl.SSLObject):
        def do_handshake(self) -> None:
            super().do_handshake()
            shown = hashlib.sha256(self.getpeercert(binary_form=True) or b"").hexdigest()
            if not recognises(self.server_hostname or "", shown):
                raise ssl.SSLCertVerificationError("the certificate is not the one that is on record for this node")

    context.sslobject_class = Connection


def _at_each_handshake(followed: Followed) -> ssl.SSLContext:
    """A server's context; a listening socket keeps it, but each handshake uses the present files."""
    first = followed()

    def turn(connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        del name, context
        connection.context = followed()

    first.sni_callback = turn
    return first


def _public_context(certificate: Path, key: Path | None) -> ssl.SSLContext:
    context = _server()
    try:
        context.load_cert_chain(certificate, _key_file(certificate, key))
    except (OSError, ssl.SSLError) as error:
        raise EnvironmentUnfit(f"The certificate {certificate} cannot be used: {reason(error)}") from None
    return context


def _server() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # A resumed session would be based on a certificate that may have been renewed since.
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    return context


def _load(context: ssl.SSLContext, certificate: Path, key: Path, ca: Path) -> None:
    try:
        context.load_cert_chain(certificate, _key_file(certificate, key))
        context.load_verify_locations(ca)
    except FileNotFoundError as error:
        raise EnvironmentUnfit(
            f"This node has no certificate of a cluster ({error.filename or certificate} is missing); "
            "make it a master with 'gnt-cluster init' or add it with 'gnt-node add'"
        ) from None
    except ssl.SSLError as error:
        raise EnvironmentUnfit(f"The node's certificate {certificate} cannot be used: {reason(error)}") from None


def _key_file(certificate: Path, key: Path | None) -> Path | None:
    """The file of the key, if not in that of the certificate; clusters of earlier versions have it separately."""
    return None if b"PRIVATE KEY-----" in certificate.read_bytes() else key
