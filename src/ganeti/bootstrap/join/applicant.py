# SPDX-License-Identifier: BSD-2-Clause
"""The new node's side of joining with a token: ``gnt-node join``."""

from __future__ import annotations

import hashlib
import socket
import ssl
from io import BufferedRWPair
from typing import Any

import msgspec

from ganeti import VERSION, errors
from ganeti.bootstrap.join.messages import Answer, Apply, Ready
from ganeti.bootstrap.join.switch import Switch, ensure_not_master
from ganeti.bootstrap.join.token import Token
from ganeti.errors import AccessDenied, MasterUnreachable, WrongState
from ganeti.host.certificates import issued_by, node_name, request_certificate, split
from ganeti.host.paths import Paths
from ganeti.host.reasons import reason
from ganeti.host.services import Services
from ganeti.node.membership import Bundle, belongs_to, ensure_free
from ganeti.rpc.authority import read_term

_CONNECT = 10.0  # seconds
_PATIENCE = 180.0


def join(paths: Paths, token: Token, services: Services, address: str | None = None) -> Answer:
    """Make this machine a node of the cluster that issued ``token``; the master's last answer.

    Raises the master's error, MasterUnreachable, or AccessDenied if something other than the master answers; then the
    machine is as before.
    """
    switch = Switch(paths, services)
    switch.undo()  # of an earlier join that was not completed
    key, request = request_certificate("joining")
    applied = Apply(secret=token.secret.hex(), request=request.decode(), version=VERSION, address=address)
    with _connect(token) as connection, connection.makefile("rwb") as stream:
        _ensure_may_join(paths, connection.getpeercert(binary_form=True) or b"")
        answer = _ask(stream, applied)
        bundle = _bundle(answer)
        _ensure_it_may_return(paths, answer.node_name, bundle)
        switch.begin(bundle, key)
        try:
            answer = _ask(stream, Ready())
        except BaseException:
            switch.undo()
            raise
        switch.complete()
        return answer


def _ensure_may_join(paths: Paths, master: bytes) -> None:
    """Raise WrongState if this machine belongs to another cluster than that of ``master`` (DER)."""
    cluster = belongs_to(paths)
    if cluster is None:
        return
    shown = ssl.DER_cert_to_PEM_cert(master).encode()
    if not issued_by(shown, split(paths.ca_certificate.read_bytes())):
        ensure_not_master(paths, cluster)
        ensure_free(paths)


def _ensure_it_may_return(paths: Paths, invited: str, bundle: Bundle) -> None:
    """Raise WrongState if this machine is the cluster's master, or another of its nodes than the invited one.

    Any other gets new credentials, if the master has invited it with --readd; also a former master that was off during
    a failover.
    """
    cluster, term = belongs_to(paths), read_term(paths.term)
    if cluster is None:
        return
    if term is None or term.number >= bundle.term:
        ensure_not_master(paths, cluster, bundle.term)
    if (own := node_name(paths.node_certificate.read_bytes())) != invited:
        raise WrongState(f"This machine is node {own} of the cluster, and the token is for {invited}")


def _connect(token: Token) -> ssl.SSLSocket:
    # The token has the certificate's fingerprint, which is stronger than any CA.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        plain = socket.create_connection((token.host, token.port), _CONNECT)
        plain.settimeout(_PATIENCE)
        connection = context.wrap_socket(plain)
    except OSError as error:
        raise MasterUnreachable(
            f"The master does not answer at {token.host} port {token.port} ({reason(error)}); is that port open, "
            "and the token still valid?"
        ) from None
    shown = hashlib.sha256(connection.getpeercert(binary_form=True) or b"").digest()
    if shown != token.fingerprint:
        connection.close()
        raise AccessDenied(f"What answers at {token.host} port {token.port} is not the master that issued the token")
    return connection


def _ask(stream: BufferedRWPair[Any, Any], message: msgspec.Struct) -> Answer:
    try:
        stream.write(msgspec.json.encode(message) + b"\n")
        stream.flush()
        line = stream.readline()
    except OSError as error:
        raise MasterUnreachable(f"The master does not answer any more: {reason(error)}") from None
    if not line:
        raise MasterUnreachable("The master closed the connection")
    answer = msgspec.json.decode(line, type=Answer)
    if answer.error is not None:
        raise errors.decode(answer.error)
    return answer


def _bundle(answer: Answer) -> Bundle:
    if answer.bundle is None:
        raise MasterUnreachable("The master answered without credentials")
    return answer.bundle
