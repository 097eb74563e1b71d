# SPDX-License-Identifier: BSD-2-Clause
"""The cluster's own certificate authority and the certificates it gives to nodes.

Keys are ECDSA P-256. A node's certificate names it (common name and DNS name) and serves it both as
server and as client, so a node can be told apart from every other by what it presents. The certificate of the
remote API serves as server alone: whoever has it cannot call nodes.
"""

from __future__ import annotations

import datetime
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ganeti.errors import AccessDenied, EnvironmentUnfit

_LIFETIME = datetime.timedelta(days=365 * 20)
# A clock that is a little behind must not make a new certificate invalid.
_SKEW = datetime.timedelta(days=1)
_SERVER = (ExtendedKeyUsageOID.SERVER_AUTH,)
_NODE = (*_SERVER, ExtendedKeyUsageOID.CLIENT_AUTH)


@dataclass(frozen=True, slots=True)
class Credentials:
    """A certificate with its private key, both PEM."""

    certificate: bytes
    key: bytes


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
    """The certificate (PEM) for a node's request; the name is the caller's, not the request's.

    Raises AccessDenied for a request that is not signed by the key it names.
    """
    try:
        csr = x509.load_pem_x509_csr(request)
    except ValueError:
        raise AccessDenied("The certificate request cannot be read") from None
    if not csr.is_signature_valid:
        raise AccessDenied("The certificate request is not signed by its own key")
    return _issue(authority, csr.public_key(), node_name)  # type: ignore[arg-type]  # any public key will do


def create_node_credentials(authority: Credentials, node_name: str) -> Credentials:
    """A node's certificate and key, made where the CA is."""
    key = ec.generate_private_key(ec.SECP256R1())
    return Credentials(_issue(authority, key.public_key(), node_name), _key_pem(key))


def create_server_credentials(authority: Credentials, name: str) -> Credentials:
    """A certificate and key to answer with, not to call with."""
    key = ec.generate_private_key(ec.SECP256R1())
    return Credentials(_issue(authority, key.public_key(), name, _SERVER), _key_pem(key))


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


def server_context(certificate: Path, key: Path, ca: Path) -> ssl.SSLContext:
    """TLS for a node daemon: only callers with a certificate of the cluster get past the handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    _load(context, certificate, key, ca)
    return context


def client_context(certificate: Path, key: Path, ca: Path) -> ssl.SSLContext:
    """TLS for calls to nodes. The peer is checked against the name it is called by."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    _load(context, certificate, key, ca)
    return context


def _load(context: ssl.SSLContext, certificate: Path, key: Path, ca: Path) -> None:
    try:
        context.load_cert_chain(certificate, key)
        context.load_verify_locations(ca)
    except FileNotFoundError as error:
        raise EnvironmentUnfit(
            f"This node has no certificate of a cluster ({error.filename or certificate} is missing); "
            "make it a master with 'gnt-cluster init' or add it with 'gnt-node add'"
        ) from None
    except ssl.SSLError as error:
        raise EnvironmentUnfit(f"The node's certificate {certificate} cannot be used: {error.reason}") from None


def _issue(
    authority: Credentials,
    public_key: ec.EllipticCurvePublicKey,
    name: str,
    uses: Sequence[x509.ObjectIdentifier] = _NODE,
) -> bytes:
    ca = x509.load_pem_x509_certificate(authority.certificate)
    ca_key = serialization.load_pem_private_key(authority.key, None)
    assert isinstance(ca_key, ec.EllipticCurvePrivateKey)  # noqa: S101 - create_authority makes no other
    builder = (
        _builder(_name(name), ca.subject, public_key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage(uses), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
    )
    return _pem(builder.sign(ca_key, hashes.SHA256()))


def _builder(subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _name(common: str) -> x509.Name:
    # X.509 allows 64 characters here; the DNS name beside it holds all of a longer one.
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common[:64])])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
