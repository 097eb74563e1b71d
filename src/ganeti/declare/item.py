# SPDX-License-Identifier: BSD-2-Clause
"""One of several disks or the like in the parameters of an operation, with parameters of its own."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec
from msgspec import Struct

from ganeti.declare.parameter import parameters_of

_NOT_GIVEN = (None, "none", "")


def not_given(value: Any) -> bool:
    """Whether a value means that nothing was said, as "none" does on a command line."""
    return isinstance(value, str | None) and value in _NOT_GIVEN


class Item(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A disk, a network card: errors call it by its noun and number.

    Its values may be texts, as ``--disk 0:size=1g,spindles=2`` gives them.
    """

    noun: ClassVar[str] = "Item"

    def __post_init__(self) -> None:
        for name, parameter in parameters_of(type(self)).items():
            if not parameter.required and not_given(getattr(self, name)):
                msgspec.structs.force_setattr(self, name, parameter.default)
