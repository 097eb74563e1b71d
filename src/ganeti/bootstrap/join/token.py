# SPDX-License-Identifier: BSD-2-Clause
"""The token that lets a node join without ssh.

It contains the master's address, the fingerprint of its certificate, and a secret that is valid for one
node and a short time. So the node knows that it talks to the right master before it sends anything, and the master
knows that the node was invited.
"""

from __future__ import annotations

import base64
import binascii

from msgspec import Struct

from ganeti.errors import WrongInput

_PREFIX = "gnt1-"
_FINGERPRINT = 32  # bytes, SHA-256
_SECRET = 16
_PORT = 2


class Token(Struct, frozen=True):
    """``fingerprint``: SHA-256 of the certificate (DER) that the master presents."""

    host: str
    port: int
    fingerprint: bytes
    secret: bytes

    def encode(self) -> str:
        raw = self.fingerprint + self.secret + self.port.to_bytes(_PORT, "big") + self.host.encode()
        return _PREFIX + base64.urlsafe_b64encode(raw).decode().rstrip("=")


def decode(text: str) -> Token:
    """Raises WrongInput for an invalid or incomplete token."""
    problem = WrongInput("This is not a complete token of 'gnt-node invite'; copy it again")
    body = text.strip().removeprefix(_PREFIX)
    if body == text.strip():
        raise problem
    try:
        raw = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
        host = raw[_FINGERPRINT + _SECRET + _PORT :].decode()
    except (binascii.Error, UnicodeDecodeError):
        raise problem from None
    if not host:
        raise problem
    secret_end = _FINGERPRINT + _SECRET
    port = int.from_bytes(raw[secret_end : secret_end + _PORT], "big")
    return Token(host, port, raw[:_FINGERPRINT], raw[_FINGERPRINT:secret_end])
