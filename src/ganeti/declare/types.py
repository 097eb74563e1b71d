# SPDX-License-Identifier: BSD-2-Clause
"""The constrained types that parameters are made of."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

NonNegative = Annotated[int, Meta(ge=0)]
Positive = Annotated[int, Meta(ge=1)]
NonEmpty = Annotated[str, Meta(min_length=1)]

# Memory and disk sizes, in MiB. On a command line they take a unit: 512, 512m, 1.5g, 2t.
Size = Annotated[int, Meta(ge=0, extra={"kind": "size"})]

# Host names: letters, digits, dashes and dots; what becomes a path or a shell word needs no more.
HOST_NAME_PATTERN = r"^[A-Za-z0-9]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_-]{1,63})*\Z"
HostName = Annotated[
    str,
    Meta(
        pattern=HOST_NAME_PATTERN,
        max_length=253,
        extra={"expected": "a host name: letters, digits, '-', '_' and '.', not first a sign"},
    ),
]

# OS provider with an optional variant, as in "debian+bookworm".
OsName = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*(\+[A-Za-z0-9][A-Za-z0-9_.-]*)?\Z",
        max_length=120,
        extra={"expected": "an OS name such as 'debian' or 'debian+bookworm'"},
    ),
]

# Characters as Ganeti allows them in tags.
Tag = Annotated[
    str,
    Meta(
        pattern=r"^[\w.+*/:@-]+\Z",
        max_length=128,
        extra={"expected": "a tag: letters, digits and any of . + * / : @ - _, at most 128 characters"},
    ),
]

# Parameters whose names and types another table declares (hypervisor, backend, OS ...).
Parameters = dict[str, Any]
