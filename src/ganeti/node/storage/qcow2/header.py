# SPDX-License-Identifier: BSD-2-Clause
"""The header of a qcow2 image, as specified in QEMU's docs/interop/qcow2.txt."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path

from ganeti.errors import WrongState

_MAGIC = b"QFI\xfb"
_FIXED = struct.Struct(">4sIQIIQIIQQIIQ")
_FEATURES = struct.Struct(">Q")  # after it, since version 3
_CORRUPT, _DATA_FILE = 1 << 1, 1 << 2
_KNOWN = 0b11111


@dataclass(frozen=True, slots=True)
class Header:
    """``size``: for the guest, ``tables_end``: where the first tables end in the file, bytes."""

    version: int
    size: int
    backed: bool
    encrypted: bool
    features: int  # features that a program must support to open it
    tables_end: int

    def problem(self, length: int) -> str:
        """Why an image of ``length`` bytes must not be used, whoever created it; empty if it can be.

        A disk is one file: a guest could read any other file that its header names.
        """
        if self.version not in (2, 3):
            return f"has version {self.version} of the format, and 2 and 3 are known"
        if self.backed:
            return "names a backing file, and a disk is one file"
        if self.features & _DATA_FILE:
            return "names a file that has its data, and a disk is one file"
        if self.encrypted:
            return "is encrypted, and nobody has its key"
        if self.features & ~_KNOWN:
            return f"needs features of the format that are not known ({self.features:#x})"
        if length < self.tables_end:
            return f"has {length} bytes and is cut off: its tables end at {self.tables_end}"
        if self.features & _CORRUPT:
            return "was found to be corrupt by QEMU; restore it, or see 'qemu-img check' with the instance stopped"
        return ""


def look(path: Path) -> Header:
    """Raises OSError, or WrongState for one that must not be used."""
    if not path.is_file():
        raise WrongState(f"{path} is not a file")
    with path.open("rb") as file:
        length = os.fstat(file.fileno()).st_size
        header = parse(file.read(_FIXED.size + _FEATURES.size))
    if why := header.problem(length) if header else "is not a qcow2 image":
        raise WrongState(f"The image {path} {why}")
    assert header  # noqa: S101 - or there is a problem
    return header


def parse(beginning: bytes) -> Header | None:
    """None if it is not an image of any version."""
    if len(beginning) < _FIXED.size or not beginning.startswith(_MAGIC):
        return None
    found = _FIXED.unpack_from(beginning)
    _, version, backing, _, cluster_bits, size, crypt, l1_entries, l1_at, refcounts_at, refcount_clusters, _, _ = found
    newer = version >= 3 and len(beginning) >= _FIXED.size + _FEATURES.size
    return Header(
        version=version,
        size=size,
        backed=backing != 0,
        encrypted=crypt != 0,
        features=_FEATURES.unpack_from(beginning, _FIXED.size)[0] if newer else 0,
        tables_end=max(l1_at + 8 * l1_entries, refcounts_at + (refcount_clusters << min(cluster_bits, 21))),
    )
