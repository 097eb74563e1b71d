# SPDX-License-Identifier: BSD-2-Clause
"""An item, such as one of several disks, in the parameters of an operation, with parameters of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec
from msgspec import UNSET, Struct

from ganeti.declare.parameter import parameters_of

_NOT_GIVEN = (None, "none", "")


def not_given(value: Any) -> bool:
    """Whether a value means "not given", like "none" on a command line."""
    return isinstance(value, str | None) and value in _NOT_GIVEN


class Item(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A disk, a NIC: errors refer to it by noun and number.

    Its values may be strings, as in ``--disk 0:size=1g,spindles=2``. A field that may be UNSET distinguishes "not
    given" from "explicitly none", as in ``name=none``.
    """

    noun: ClassVar[str] = "Item"
    # The field that takes names which this class does not have, and the field that says whose names those are; without
    # a value in the latter they are refused.
    further: ClassVar[tuple[str, str] | None] = None
    # Own fields that are handed on in the same way where such names are allowed.
    yielding: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def gathered(cls, values: Mapping[Any, Any]) -> Mapping[Any, Any]:
        """The values, with further ones, as strings, in the field for these."""
        if cls.further is None or not_given(values.get(cls.further[1])):
            return values
        into, _ = cls.further
        fields = {cls.__struct_config__.tag_field, *cls.__struct_encode_fields__} - cls.yielding
        further = {name: _spelled(value) for name, value in values.items() if name not in fields}
        if not further:
            return values
        own = {name: value for name, value in values.items() if name in fields}
        # Anything but a mapping is reported where fields are decoded.
        given = own.get(into, {})
        return {**own, into: {**given, **further} if isinstance(given, Mapping) else given}

    @property
    def given(self) -> dict[str, Any]:
        """The given values; None for those explicitly none where UNSET is possible."""
        declared = parameters_of(type(self))
        values = {name: getattr(self, name) for name in self.__struct_fields__}
        return {name: value for name, value in values.items() if value != declared[name].default}

    def __post_init__(self) -> None:
        self._yield()
        for name, parameter in parameters_of(type(self)).items():
            if not parameter.required and not_given(getattr(self, name)):
                nothing = None if parameter.default is UNSET else parameter.default
                msgspec.structs.force_setattr(self, name, nothing)

    def _yield(self) -> None:
        """As ``gathered``, for values that would also be valid here."""
        if self.further is None or not_given(getattr(self, self.further[1])):
            return
        into, _ = self.further
        given = {name: _spelled(value) for name, value in self.given.items() if name in self.yielding}
        if given:
            msgspec.structs.force_setattr(self, into, {**getattr(self, into), **given})
            for name in given:
                msgspec.structs.force_setattr(self, name, parameters_of(type(self))[name].default)


def _spelled(value: Any) -> Any:
    """Numbers, and yes and no, as Ganeti passes them to scripts."""
    return str(value) if isinstance(value, bool | int | float) else value
