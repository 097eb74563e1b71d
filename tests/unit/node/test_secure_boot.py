# SPDX-License-Identifier: BSD-2-Clause
"""Certificates in the memory of UEFI variables, which the guest can write as it likes."""

import datetime
import struct
import uuid
from contextlib import suppress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from ganeti.errors import WrongInput
from ganeti.model.machine_state import EnrolledKey
from ganeti.node.hypervisor.kvm.secure_boot import enrolled_keys

END = datetime.datetime(2026, 6, 27, tzinfo=datetime.UTC)
X509, SHA256 = "a5c059a1-94e4-4aa7-87b5-ab155c2bf072", "c1c41626-504c-4092-aca9-41f936934328"
VALID, DELETED = 0x3F, 0x3C


def certificate(name):
    key = ec.generate_private_key(ec.SECP256R1())
    whose = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, name)])
    made = x509.CertificateBuilder(whose, whose, key.public_key(), 7, END - datetime.timedelta(days=5000), END)
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


CERTIFICATE = certificate("Vendor")


def listed(*signatures, kind=X509):
    size = 16 + len(signatures[0])
    head = uuid.UUID(kind).bytes_le + struct.pack("<III", 28 + size * len(signatures), 0, size)
    return head + b"".join(bytes(16) + signature for signature in signatures)


def variable(name, content, state=VALID):
    named = (name + "\0").encode("utf-16-le")
    head = struct.pack("<HBBIQ16sIII16s", 0x55AA, state, 0, 7, 0, b"", 0, len(named), len(content), b"")
    return (head + named + content).ljust(-(-(60 + len(named) + len(content)) // 4) * 4, b"\xff")


def memory(*variables, holds="aaf32c78-947b-439a-a180-2e144ec37792"):
    head = struct.pack("<16s16sQ4sIHHHBBIIII", b"", b"", 8192, b"_FVH", 0, 72, 0, 0, 0, 2, 1, 4096, 0, 0)
    store = uuid.UUID(holds).bytes_le + struct.pack("<IBBHI", 8000, 0x5A, 0xFE, 0, 0)
    return (head + store + b"".join(variables)).ljust(8192, b"\xff")


def test_keys_are_told_in_the_order_of_their_power_and_what_is_no_certificate_is_left_out():
    one, two, three = map(certificate, ("Board", "Vendor", "Boot\x1bloader"))
    found = enrolled_keys(
        memory(
            variable("db", listed(two) + listed(bytes(32), kind=SHA256) + listed(three)),
            variable("KEK", listed(one), DELETED),
            variable("dbx", listed(two)),
            variable("PK", listed(one)),
        )
    )
    end = END.timestamp()
    assert found == (
        EnrolledKey("PK", "Board", end),
        EnrolledKey("db", "Vendor", end),
        EnrolledKey("db", "Boot\N{REPLACEMENT CHARACTER}loader", end),
    )


def test_no_more_is_read_than_is_told():
    assert len(enrolled_keys(memory(variable("db", listed(*[CERTIFICATE] * 32) + listed(b"rubbish"), VALID)))) == 32


def test_a_certificate_of_enormous_size_is_not_read():
    with pytest.raises(WrongInput, match="too large"):
        enrolled_keys(memory(variable("db", listed(CERTIFICATE + bytes(8192)))))


def test_a_new_memory_has_none():
    assert enrolled_keys(memory()) == ()


# A certificate of a version that there is not, and one with a name that is no text.
OF_VERSION_6 = CERTIFICATE.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x05", 1)
NAMED_BY_BITS = CERTIFICATE.replace(b"\x0c\x06Vendor", b"\x03\x06\x00endor")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        memory(variable("PK", listed(OF_VERSION_6))),
        memory(variable("PK", listed(NAMED_BY_BITS))),
        b"rubbish" * 1000,
        memory(holds=X509),
        memory(variable("db", b"short")),
        memory(variable("db", listed(b"no certificate"))),
        memory(variable("db", listed(b"1234")[:-2])),
        memory(variable("db", struct.pack("<16sIII", b"", 0, 0, 0))),
    ],
)
def test_what_makes_no_sense_is_refused(content):
    with pytest.raises(WrongInput, match="UEFI variables"):
        enrolled_keys(content)


@given(st.binary(max_size=300), st.integers(0, 400))
def test_whatever_a_guest_writes_there_is_only_refused(noise, place):
    whole = memory(variable("db", listed(CERTIFICATE)))
    with suppress(WrongInput):
        assert len(enrolled_keys(whole[:place] + noise + whole[place + len(noise) :])) <= 32
