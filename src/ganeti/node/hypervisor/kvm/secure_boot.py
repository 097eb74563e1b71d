# SPDX-License-Identifier: BSD-2-Clause
"""The keys that are enrolled for Secure Boot in a guest's UEFI variables.

The variables are a flash memory as EDK II writes it (its PiFirmwareVolume.h and VariableFormat.h); keys are in it as
certificates in signature lists (UEFI specification, 32.4.1). The guest may have written anything there.
"""

from __future__ import annotations

import struct
import uuid
import warnings
from collections.abc import Iterator
from itertools import islice

from cryptography import x509

from ganeti.errors import WrongInput
from ganeti.model.machine_state import EnrolledKey, KeyKind
from ganeti.model.printable import printable

_VOLUME = struct.Struct("<40x4s4xH")  # signature of the volume, length of its header
_STORE = struct.Struct("<16sI8x")  # what it holds, its size with this
_VARIABLE = struct.Struct("<HB33xII16x")  # mark, state, sizes of name and content
_LIST = struct.Struct("<16sIII")  # what it holds, its size with this, of its header, of each signature
_OWNER = 16  # bytes before each certificate: who has enrolled it

_VARIABLES = uuid.UUID("aaf32c78-947b-439a-a180-2e144ec37792").bytes_le
_X509 = uuid.UUID("a5c059a1-94e4-4aa7-87b5-ab155c2bf072").bytes_le
_MARK, _VALID = 0x55AA, 0x3F  # a variable that was deleted or not written whole has another state
_KINDS: tuple[KeyKind, ...] = ("PK", "KEK", "db")
_MOST = 32  # keys
_LARGEST = 8192  # bytes of a certificate; a name of half a megabyte takes a fifth of a second to read
_LONGEST_NAME = 100  # characters


def enrolled_keys(memory: bytes) -> tuple[EnrolledKey, ...]:
    """Certificates of the platform key (PK), of those that may change the others (KEK), and of what may boot (db).

    At most 32. Raises WrongInput for what is no memory of variables.
    """
    try:
        contents = dict(_variables(memory))
        enrolled = ((kind, one) for kind in _KINDS for one in _certificates(contents.get(kind, b"")))
        return tuple(_key(kind, one) for kind, one in islice(enrolled, _MOST))
    except (struct.error, ValueError, TypeError, x509.InvalidVersion) as error:  # the last two are cryptography's
        raise WrongInput(f"The UEFI variables of the guest cannot be understood: {error}") from None


def _variables(memory: bytes) -> Iterator[tuple[str, bytes]]:
    """The valid ones."""
    signature, at = _VOLUME.unpack_from(memory)
    holds, size = _STORE.unpack_from(memory, at)
    if signature != b"_FVH" or holds != _VARIABLES:
        raise ValueError("they are not in the form of EDK II")
    end, at = at + size, at + _STORE.size
    while at + _VARIABLE.size <= end:
        mark, state, name_size, size = _VARIABLE.unpack_from(memory, at)
        if mark != _MARK:  # erased memory: there are no more
            return
        name, content = at + _VARIABLE.size, at + _VARIABLE.size + name_size
        if state == _VALID:
            named = memory[name:content].decode("utf-16-le", errors="replace")
            yield named.rstrip("\0"), memory[content : content + size]
        at = content + size
        at += -at % 4


def _certificates(lists: bytes) -> Iterator[bytes]:
    """X.509 certificates (DER) of signature lists; other signatures, such as digests, are left out."""
    at = 0
    while at < len(lists):
        holds, size, header, each = _LIST.unpack_from(lists, at)
        first, end = at + _LIST.size + header, at + size
        if each <= _OWNER or not first <= end <= len(lists):
            raise ValueError("a list of signatures ends before its end")
        if holds == _X509:
            yield from (lists[one + _OWNER : one + each] for one in range(first, end, each))
        at = end


def _key(kind: KeyKind, certificate: bytes) -> EnrolledKey:
    if len(certificate) > _LARGEST:
        raise ValueError("a certificate is too large")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about certificates that are not as they should be
        found = x509.load_der_x509_certificate(certificate)
        names = found.subject.get_attributes_for_oid(x509.oid.NameOID.COMMON_NAME)
        name = str(names[0].value) if names else found.subject.rfc4514_string()
        return EnrolledKey(kind, printable(name, _LONGEST_NAME), found.not_valid_after_utc.timestamp())
