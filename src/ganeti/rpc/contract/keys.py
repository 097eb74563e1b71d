# SPDX-License-Identifier: BSD-2-Clause
"""What the master asks of a node while certificates are renewed. All certificates and requests are PEM."""

from __future__ import annotations

from msgspec import Struct

from ganeti.model.timing import PING
from ganeti.rpc.call import Call


class TellAuthorities(Call[tuple[str, ...]], frozen=True, tag="keys.tell-authorities"):
    """Whose certificates do you trust?"""

    patience = PING


class TrustAuthorities(Call[None], frozen=True, tag="keys.trust-authorities"):
    """Trust the certificates of these authorities, and of no others.

    Raises WrongState if the node's own certificate is of none of them.
    """

    authorities: tuple[str, ...]


class Application(Struct, frozen=True):
    """``certificate``: the fingerprint of the one that the node shows now."""

    request: str
    certificate: str


class RequestCertificate(Call[Application], frozen=True, tag="keys.request-certificate"):
    """Make a new key, and ask for its certificate.

    A key that was made before and has none is given up: a certificate of it is not taken any more.
    """


class TakeCertificate(Call[None], frozen=True, tag="keys.take-certificate"):
    """Show this certificate, which you have asked for, from the next connection on."""

    certificate: str
