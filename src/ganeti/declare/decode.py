# SPDX-License-Identifier: BSD-2-Clause
"""From untyped input to typed values, with errors that a user can act on.

Valid input is converted directly. Otherwise it is traversed along its declared type: strings that
represent numbers are parsed, and all errors are reported, not only the first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET, Struct

from ganeti.declare import text
from ganeti.declare.explain import Place, explained, missing, unknown
from ganeti.declare.item import Item, not_given
from ganeti.declare.parameter import Parameter, kind_of, length_of, member_of, nullable, parameters_of, reader_of
from ganeti.declare.problems import Problems
from ganeti.errors import WrongInput

T = TypeVar("T")

_MOST_TOLD = 20  # reported errors of one request


def decode(value: Any, cls: type[T], what: str) -> T:
    """``value`` (of plain JSON types) as a ``cls``.

    Raises WrongInput with a line for each wrong parameter, up to a limit: its name, what was expected
    and, for enumerations, what is allowed. ``what``: whose parameters these are: "OP_INSTANCE_CREATE".
    """
    try:
        decoded = msgspec.convert(value, cls)
    except msgspec.ValidationError:
        pass
    else:
        if not _refused(decoded):
            return decoded
    return _Reading(what).whole(value, cls)


def decode_stored(value: Any, cls: type[T], what: str) -> T:
    """Likewise for stored values: what a parameter now refuses is accepted nevertheless."""
    try:
        return msgspec.convert(value, cls)
    except msgspec.ValidationError:
        return _Reading(what).whole(value, cls)


def decode_texts(value: Mapping[str, Any], cls: type[T], what: str) -> T:
    """Likewise for values from a command line: any may be a string (or yes or no, for a bare key)."""
    return _Reading(what).whole(value, cls, texts=True)


def from_text(value: Any, parameter: Parameter) -> Any:
    """A value from a query string in the parameter's own type; booleans are 1 and 0. Raises WrongInput."""
    if parameter.kind is bool and value in ("0", "1"):
        return value == "1"
    return _from_text(value, parameter.type, f"Parameter '{parameter.name}'")


class _Reading:
    """One traversal of a value along its declared type."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._problems: list[str] = []

    def whole(self, value: Any, cls: type[T], *, texts: bool = False) -> T:
        """``texts``: whether any value may be a string."""
        try:
            read = self._read(value, cls, Place(), texts=texts)
            if not self._problems:
                return msgspec.convert(read, cls)
        except _TooManyError:
            self._problems.append("... and more")
        raise WrongInput("\n".join(self._problems))

    def _read(self, value: Any, hint: Any, place: Place, *, texts: bool) -> Any:
        if value is None and nullable(hint):
            return None
        kind = kind_of(hint)
        if _is_struct(kind) and isinstance(value, Mapping):
            return self._struct(value, kind, place, texts=texts)
        if _is_struct(kind) and kind.__struct_config__.array_like and isinstance(value, list | tuple):
            return self._row(value, kind, place, texts=texts)
        member = member_of(hint)
        if member and isinstance(value, list | tuple):
            return self._items(value, hint, place, texts=texts)
        return self._leaf(value, hint, place, texts=texts)

    def _items(self, values: Sequence[Any], hint: Any, place: Place, *, texts: bool) -> list[Any]:
        if not self._fits(values, length_of(hint), place):
            return []
        member = member_of(hint)
        kind = kind_of(member)
        return [self._read(value, member, _place(value, kind, place, i), texts=texts) for i, value in enumerate(values)]

    def _row(self, values: Sequence[Any], cls: type[Struct], place: Place, *, texts: bool) -> list[Any]:
        """A struct written as a list of its fields; errors refer to these."""
        if rewrite := getattr(cls, "written_out", None):
            values = rewrite(values)
        fields = _fields_of(cls)
        least = sum(field.required for field in fields.values())
        if not least <= len(values) <= len(fields):
            self._tell(f"{place}: expected a list of {', '.join(fields)}")
            return []
        result = []
        for (name, field), value in zip(fields.items(), values, strict=False):
            inner = place if _is_struct(kind_of(field.type)) else place.field(name)
            result.append(self._read(value, field.type, inner, texts=texts))
            self._ensure_supported(parameters_of(cls).get(name), result[-1], place.field(name))
        return result

    def _struct(self, values: Mapping[Any, Any], cls: type[Struct], place: Place, *, texts: bool) -> dict[str, Any]:
        fields = _fields_of(cls)
        before = len(self._problems)
        tag = cls.__struct_config__.tag_field
        is_item = issubclass(cls, Item)
        if issubclass(cls, Item):
            values = cls.gathered(values)
        result: dict[str, Any] = {}
        for name, value in values.items():
            if name == tag:
                result[name] = value
            elif name not in fields:
                self._tell(unknown(str(name), fields, place, self._what))
            elif is_item and not_given(value) and fields[name].default is UNSET:
                result[name] = None  # explicitly none, where not given would mean unchanged
            elif fields[name].required or not (is_item and not_given(value)):
                result[name] = self._read(value, fields[name].type, place.field(name), texts=texts or is_item)
                self._ensure_supported(parameters_of(cls).get(name), result[name], place.field(name))
        for name in [name for name, field in fields.items() if field.required and name not in values]:
            declared = parameters_of(cls).get(name)
            self._tell(missing(name, place, self._what, declared.flags if declared else ()))
        if len(self._problems) == before:
            self._fits(result, cls, place)
        else:
            self._foresee(values, cls, place)
        return result

    def _foresee(self, values: Mapping[Any, Any], cls: type[Struct], place: Place) -> None:
        """Errors that later checks would report: noted by a class's method ``foresee``."""
        problems = Problems()
        if foresee := getattr(cls, "foresee", None):
            foresee(values, problems)
        for line in problems.lines:
            self._tell(f"{place.thing}: {line[:1].lower()}{line[1:]}" if place.thing else line)

    def _ensure_supported(self, parameter: Parameter | None, value: Any, place: Place) -> None:
        if parameter and parameter.refuses(value):
            self._tell(f"{place}{parameter.refusal(value)}")

    def _leaf(self, value: Any, hint: Any, place: Place, *, texts: bool) -> Any:
        if isinstance(value, str) and (texts or reader_of(hint)):
            try:
                value = _from_text(value, hint, str(place) or self._what)
            except WrongInput as error:
                self._tell(error.message)
                return value
        self._fits(value, hint, place)
        return value

    def _fits(self, value: Any, hint: Any, place: Place) -> bool:
        try:
            msgspec.convert(value, hint)
        except msgspec.ValidationError as error:
            self._tell(explained(str(error), hint, place, self._what))
            return False
        return True

    def _tell(self, problem: str) -> None:
        if len(self._problems) == _MOST_TOLD:
            raise _TooManyError
        self._problems.append(problem)


class _TooManyError(Exception):
    """There are too many errors to report."""


def _from_text(value: Any, hint: Any, where: str) -> Any:
    if not isinstance(value, str):
        return value
    if reader := reader_of(hint):
        return reader(value, where)
    kind = kind_of(hint)
    if kind is bool:
        return text.parse_bool(value, where)
    if kind in (int, float):
        return text.parse_number(value, where, kind=kind)
    if kind in (list, tuple):
        member = member_of(hint)
        return [_from_text(item, member, where) if member else item for item in text.parse_list(value)]
    if nullable(hint) and value in ("none", ""):
        return None
    return value


def _refused(decoded: Any) -> bool:
    """Whether a value contains something that is not supported yet."""
    if not isinstance(decoded, Struct):
        return False
    refusing, lists = _to_look_at(type(decoded))
    for name, parameter in refusing:
        if parameter.refuses(getattr(decoded, name)):
            return True
    return any(_refused(item) for name in lists for item in getattr(decoded, name) or ()) if lists else False


@cache
def _fields_of(cls: type[Struct]) -> Mapping[str, msgspec.structs.FieldInfo]:
    """By wire name; cached, since msgspec evaluates the annotations each time."""
    return {field.encode_name: field for field in msgspec.structs.fields(cls)}


@cache
def _to_look_at(cls: type[Struct]) -> tuple[tuple[tuple[str, Parameter], ...], tuple[str, ...]]:
    """The parameters of a struct that refuse values, and the names of its lists of items."""
    parameters = parameters_of(cls)
    fields = {field.encode_name: field.name for field in msgspec.structs.fields(cls)}
    refusing = tuple((fields[name], parameter) for name, parameter in parameters.items() if parameter.unsupported)
    lists = (name for name, parameter in parameters.items() if _is_struct(kind_of(member_of(parameter.type))))
    return refusing, tuple(fields[name] for name in lists)


def _place(value: Any, kind: Any, within: Place, index: int) -> Place:
    """The place of a list's item, with its noun and its name if it has them."""
    subject = getattr(kind, "subject", None)
    name = value.get(subject) if subject and isinstance(value, Mapping) else None
    return within.item(index, getattr(kind, "noun", ""), text.shortened(name) if isinstance(name, str) else "")


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct)
