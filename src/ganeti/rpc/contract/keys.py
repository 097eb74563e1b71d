# SPDX-License-Identifier: BSD-2-Clause
"""Calls for the renewal of certificates. All certificates and requests are PEM."""

from __future__ import annotations

from msgspec import Struct

from ganeti.model.timing import PING
from ganeti.rpc.call import Call


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
