# SPDX-License-Identifier: BSD-2-Clause
"""The cluster's own certificate authority and the certificates it issues to nodes.

Keys are ECDSA P-256. A node's certificate names it (common name and DNS name) and is valid both for
servers and for clients, so a node is identified by the certificate that it presents. The certificate of the remote API
is valid for servers only: nobody can call nodes with it.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ganeti.errors import AccessDenied, EnvironmentUnfit, WrongInput

_LIFETIME = datetime.timedelta(days=365 * 20)
# A slightly slow clock must not make a new certificate invalid.
_SKEW = datetime.timedelta(days=1)
_WEAKEST_RSA, _WEAKEST_CURVE = 2048, 256  # bits
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\s*", re.DOTALL)
_PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey
_SERVER = (ExtendedKeyUsageOID.SERVER_AUTH,)
_NODE = (*_SERVER, ExtendedKeyUsageOID.CLIENT_AUTH)


@dataclass(frozen=True, slots=True)
class Credentials:
    """A certificate with its private key, both PEM."""

    certificate: bytes
    key: bytes

    @property
    def together(self) -> bytes:
        """Both in one file, so that neither is ever replaced without the other."""
        return self.certificate + self.key


def create_authority(cluster_name: str) -> Credentials:
    """A new cluster CA."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"{cluster_name} CA")
    builder = _builder(name, name, key.public_key()).add_extension(
        x509.BasicConstraints(ca=True, path_length=0), critical=True
    )
    return Credentials(_pem(builder.sign(key, hashes.SHA256())), _key_pem(key))


def request_certificate(node_name: str) -> tuple[bytes, bytes]:
    """(private key, certificate signing request), both PEM, for a node; the key never leaves it."""
    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(_name(node_name)).sign(key, hashes.SHA256())
    return _key_pem(key), request.public_bytes(serialization.Encoding.PEM)


def sign_request(authority: Credentials, request: bytes, node_name: str) -> bytes:
    """The certificate (PEM) for a node's request; the name is from the caller, not from the request.

    Raises AccessDenied for an unacceptable request; see ``ensure_signable``.
    """
    return _issue(authority, _signable(request), [node_name])


def ensure_signable(request: bytes) -> None:
    """Raise AccessDenied for a request that is not signed by the key it names, or whose key is weak."""
    _signable(request)


def _signable(request: bytes) -> _PublicKey:
    try:
        csr = x509.load_pem_x509_csr(request)
        key, valid = csr.public_key(), csr.is_signature_valid
    except (ValueError, UnsupportedAlgorithm):
        raise AccessDenied("The certificate request cannot be read") from None
    if not valid:
        raise AccessDenied("The certificate request is not signed by its own key")
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= _WEAKEST_RSA:
        return key
    if isinstance(key, ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey) and _key_bits(key) >= _WEAKEST_CURVE:
        return key
    raise AccessDenied(
        "The key of the certificate request is too weak, or of an unknown kind; use ECDSA P-256, Ed25519, or RSA with "
        f"at least {_WEAKEST_RSA} bits"
    )


def _key_bits(key: ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey) -> int:
    return key.curve.key_size if isinstance(key, ec.EllipticCurvePublicKey) else _WEAKEST_CURVE


def create_node_credentials(authority: Credentials, node_name: str) -> Credentials:
    """A node's certificate and key, created where the CA is."""
    key = ec.generate_private_key(ec.SECP256R1())
    return Credentials(_issue(authority, key.public_key(), [node_name]), _key_pem(key))


def create_server_credentials(authority: Credentials, *names: str) -> bytes:
    """A key and a server-only certificate for these names, with that of the CA; in one PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    return _key_pem(key) + _issue(authority, key.public_key(), names, _SERVER) + authority.certificate


def create_one_time_credentials(name: str, now: datetime.datetime, seconds: int) -> Credentials:
    """A key, and a certificate that it has signed itself, for one end of connections that are made once."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        _builder(_name(name), _name(name), key.public_key(), now, datetime.timedelta(seconds=seconds))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage(_NODE), critical=True)
    )
    return Credentials(_pem(builder.sign(key, hashes.SHA256())), _key_pem(key))


def ensure_valid(pem: str, now: datetime.datetime) -> None:
    """Raise WrongInput, saying what is wrong, unless it is a certificate with a name that is valid now."""
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
        named = node_name(pem.encode())
    except (ValueError, UnsupportedAlgorithm, x509.ExtensionNotFound, IndexError):
        raise WrongInput("no certificate with a name can be read in it") from None
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise WrongInput(
            f"the certificate of {named} is valid from {certificate.not_valid_before_utc} to "
            f"{certificate.not_valid_after_utc}"
        )


def split(pem: bytes) -> list[bytes]:
    """The certificates of a file, each as PEM."""
    return _CERTIFICATE.findall(pem)


def authority_of(key: bytes, trusted: bytes) -> Credentials:
    """The CA with this key, whose certificate must be among the trusted ones. Raises EnvironmentUnfit if it is not."""
    public = _private(key).public_key()
    for certificate in split(trusted):
        if x509.load_pem_x509_certificate(certificate).public_key() == public:
            return Credentials(certificate, key)
    raise EnvironmentUnfit("The key of the cluster's CA, ca.key, fits none of the certificates in ca.pem")


def issued_by(certificate: bytes, authorities: Iterable[bytes]) -> bool:
    """Whether one of the CAs has signed a certificate; all PEM."""
    one = x509.load_pem_x509_certificate(certificate)
    for authority in authorities:
        with suppress(ValueError, TypeError, InvalidSignature):
            one.verify_directly_issued_by(x509.load_pem_x509_certificate(authority))
            return True
    return False


def fits(certificate: bytes, key: bytes) -> bool:
    """Whether a certificate matches this private key."""
    return x509.load_pem_x509_certificate(certificate).public_key() == _private(key).public_key()


def ensure_server_credentials(pem: bytes, now: datetime.datetime) -> None:
    """Raise WrongInput, saying what is wrong, unless it is a certificate that is valid, with its key."""
    needed, what = "it must hold a certificate and its key without a passphrase, both PEM", "certificate"
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        what = "private key"
        key = serialization.load_pem_private_key(pem, None)
    except TypeError:
        raise WrongInput(f"{needed}; its key has a passphrase") from None
    except (ValueError, UnsupportedAlgorithm):
        raise WrongInput(f"{needed}; no {what} in it can be read") from None
    if certificate.public_key() != key.public_key():
        raise WrongInput("its key is not the one of its first certificate")
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise WrongInput(
            f"its certificate is valid from {certificate.not_valid_before_utc} to {certificate.not_valid_after_utc}"
        )


def fingerprint(certificate: bytes) -> str:
    """SHA-256 of a PEM certificate, in hex."""
    return x509.load_pem_x509_certificate(certificate).fingerprint(hashes.SHA256()).hex()


def node_name(certificate: bytes) -> str:
    """The node that a PEM certificate is for."""
    extensions = x509.load_pem_x509_certificate(certificate).extensions
    names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return names.get_values_for_type(x509.DNSName)[0]


def expires(certificate: bytes) -> datetime.datetime:
    return x509.load_pem_x509_certificate(certificate).not_valid_after_utc


def _issue(
    authority: Credentials,
    public_key: _PublicKey,
    names: Sequence[str],
    uses: Sequence[x509.ObjectIdentifier] = _NODE,
) -> bytes:
    ca = x509.load_pem_x509_certificate(authority.certificate)
    ca_key = _private(authority.key)
    builder = (
        _builder(_name(names[0]), ca.subject, public_key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .add_extension(x509.ExtendedKeyUsage(uses), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
    )
    return _pem(builder.sign(ca_key, hashes.SHA256()))


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: _PublicKey,
    now: datetime.datetime | None = None,
    lifetime: datetime.timedelta = _LIFETIME,
) -> x509.CertificateBuilder:
    now = now or datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + lifetime)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _private(key: bytes) -> ec.EllipticCurvePrivateKey:
    """Load a key that was created here. Raises EnvironmentUnfit if it cannot be read."""
    try:
        loaded = serialization.load_pem_private_key(key, None)
    except ValueError:
        raise EnvironmentUnfit("A key of the cluster cannot be read: it is not a private key in PEM") from None
    assert isinstance(loaded, ec.EllipticCurvePrivateKey)  # noqa: S101 - no other is made here
    return loaded


def _name(common: str) -> x509.Name:
    # X.509 allows 64 characters here; the DNS name beside it holds all of a longer one.
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common[:64])])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
