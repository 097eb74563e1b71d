# SPDX-License-Identifier: BSD-2-Clause
"""Calls for the renewal of certificates. All certificates and requests are PEM."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from ganeti.model.timing import PING
from ganeti.rpc.call import Call

# The type and the key, base64, of a host key (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT").
_HostKey = Annotated[str, Meta(pattern=r"^[a-z0-9@.-]{1,64} [A-Za-z0-9+/]{16,}={0,3}\Z", max_length=4096)]
MOST_HOST_KEYS = 8
HostKeys = Annotated[tuple[_HostKey, ...], Meta(max_length=MOST_HOST_KEYS)]


class TellHostKeys(Call[HostKeys], frozen=True, tag="keys.tell-host-keys"):
    """By which the node's SSH server is known; nothing if it has none where Debian has them."""

    patience = PING


class TellAuthorities(Call[tuple[str, ...]], frozen=True, tag="keys.tell-authorities"):
    """The CAs that the node trusts."""

    patience = PING


class TrustAuthorities(Call[None], frozen=True, tag="keys.trust-authorities"):
    """Trust exactly these CAs.

    Raises WrongState if the node's own certificate was signed by none of them.
    """

    authorities: tuple[str, ...]


class Application(Struct, frozen=True):
    """``certificate``: the fingerprint of the one that the node uses now."""

    request: str
    certificate: str


class RequestCertificate(Call[Application], frozen=True, tag="keys.request-certificate"):
    """Create a new key and a certificate signing request.

    An earlier key without a certificate is dropped: a certificate for it is no longer accepted.
    """


class TakeCertificate(Call[None], frozen=True, tag="keys.take-certificate"):
    """Use this requested certificate from the next connection on."""

    certificate: str
