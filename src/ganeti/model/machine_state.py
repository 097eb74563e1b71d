# SPDX-License-Identifier: BSD-2-Clause
"""What a guest's machine keeps while it is off, on its way from node to node."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

Part = Literal["uefi", "uefi-secure", "tpm"]
VARIABLES: tuple[Part, ...] = ("uefi", "uefi-secure")

KeyKind = Literal["PK", "KEK", "db"]

LARGEST_PART = 2 * 1024**2  # bytes; the variables of OVMF have 528 KiB, a TPM a few


class MachineState(Struct, frozen=True):
    """Each part compressed (zlib): variables of UEFI without and with Secure Boot, the permanent state of the TPM."""

    parts: dict[Part, Annotated[bytes, Meta(max_length=LARGEST_PART)]]


class EnrolledKey(Struct, frozen=True):
    """A certificate in a guest's UEFI variables, by its subject; ``expires``: seconds since the epoch."""

    kind: KeyKind
    name: str
    expires: float


class EnrolledKeys(Struct, frozen=True):
    """Of one guest, by its UUID; ``problem``: why they are not known. A guest that was never started has none yet."""

    uuid: str
    keys: tuple[EnrolledKey, ...] = ()
    problem: str = ""
