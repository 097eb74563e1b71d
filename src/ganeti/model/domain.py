# SPDX-License-Identifier: BSD-2-Clause
"""What clusters with a common secret, the cluster domain secret, sign for one another.

Whoever carries it from one to the other, such as ``move-instance``, can neither change nor make it. A signature is an
HMAC (SHA-256) of a salt, of what is signed for, and of that; a signed certificate has it in a line of its own
("X-Ganeti-Signature: salt/hash", Ganeti's "Ganeti 2.2 design").
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ganeti.errors import WrongInput

VERSION = 0  # of the handshake
_SIGNED = re.compile(
    r"X-Ganeti-Signature: (?P<salt>[a-zA-Z0-9]{1,64})/(?P<hash>[0-9a-f]{64})\s*"
    r"(?P<certificate>-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----)\s*"
)
_SALT = re.compile(r"[a-zA-Z0-9]{1,64}")
_NEEDED = "the two clusters need the same cluster domain secret (gnt-cluster renew-crypto)"

Purpose = Literal["handshake", "key", "certificate", "disk"]


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a disk is to be sent, and what is said there first, to tell it from others."""

    address: str
    port: int
    magic: str


@dataclass(frozen=True, slots=True)
class Domain:
    """The clusters that know ``secret``. ``new_salt`` makes letters and digits that were not used before."""

    secret: str
    new_salt: Callable[[], str]

    def handshake(self) -> list[Any]:
        """[version, hash, salt]: shows that this cluster belongs to the domain."""
        salt = self.new_salt()
        return [VERSION, self._hash("handshake", str(VERSION), salt), salt]

    def key_name(self, name: str) -> list[str]:
        """[name, hash, salt]."""
        salt = self.new_salt()
        return [name, self._hash("key", name, salt), salt]

    def certificate(self, pem: str) -> str:
        salt = self.new_salt()
        return f"X-Ganeti-Signature: {salt}/{self._hash('certificate', pem.strip(), salt)}\n{pem}"

    def destination(self, index: int, where: Destination, fingerprint: str) -> list[Any]:
        """[address, port, magic, hash, salt]; ``fingerprint``: of the certificate that is shown there."""
        salt = self.new_salt()
        text = _about_disk(index, where, fingerprint)
        return [where.address, where.port, where.magic, self._hash("disk", text, salt), salt]

    def ensure_handshake(self, told: Sequence[Any]) -> None:
        """Raise WrongInput for one of another domain, or that is none."""
        match list(told):
            case [int(version), str(given), str(salt)]:
                if version != VERSION:
                    raise WrongInput(f"its version is {version}; this cluster understands version {VERSION}")
                self._ensure("handshake", str(version), salt, given)
            case _:
                raise WrongInput("it is not [version, hash, salt]")

    def ensure_key_name(self, told: Sequence[Any]) -> str:
        """The name of a key that this cluster has made. Raises WrongInput."""
        match list(told):
            case [str(name), str(given), str(salt)]:
                self._ensure("key", name, salt, given)
                return name
        raise WrongInput("it is not [name, hash, salt]")

    def ensure_certificate(self, text: str) -> str:
        """What was signed. Raises WrongInput."""
        found = _SIGNED.fullmatch(text.strip())
        if not found:
            raise WrongInput(
                "it is not one certificate in PEM behind a line with its signature (X-Ganeti-Signature: salt/hash)"
            )
        pem = found["certificate"]
        self._ensure("certificate", pem, found["salt"], found["hash"])
        return f"{pem}\n"

    def ensure_destinations(self, told: Sequence[Any], fingerprint: str) -> tuple[Destination, ...]:
        """Where each disk goes. Raises WrongInput."""
        return tuple(self._ensure_destination(index, one, fingerprint) for index, one in enumerate(told))

    def _ensure_destination(self, index: int, told: Any, fingerprint: str) -> Destination:
        match told:
            case [str(address), int(port), str(magic), str(given), str(salt)]:
                where = Destination(address, port, magic)
                self._ensure("disk", _about_disk(index, where, fingerprint), salt, given)
                return where
        raise WrongInput(f"what is told of disk {index} is not [address, port, magic, hash, salt]")

    def _ensure(self, purpose: Purpose, text: str, salt: str, given: str) -> None:
        if not _SALT.fullmatch(salt) or not given.isascii():
            raise WrongInput("its signature is none")
        if not hmac.compare_digest(self._hash(purpose, text, salt), given):
            raise WrongInput(f"its signature is not right: {_NEEDED}, and nobody may change what they sign")

    def _hash(self, purpose: Purpose, text: str, salt: str) -> str:
        return hmac.new(self.secret.encode(), f"{salt}\0{purpose}\0{text}".encode(), hashlib.sha256).hexdigest()


def _about_disk(index: int, where: Destination, fingerprint: str) -> str:
    return "\0".join((str(index), where.address, str(where.port), where.magic, fingerprint))
