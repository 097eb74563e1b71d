# SPDX-License-Identifier: BSD-2-Clause
"""The columns that lists of all objects have, and those of their settings (``ganeti.declare.setting``)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from ganeti.declare.field import NUMBER, OTHER, TEXT, TIMESTAMP, FieldKind
from ganeti.declare.parameter import Parameter, parameters_of
from ganeti.declare.setting import settings_of
from ganeti.model.entity import Entity
from ganeti.model.kind import Kind
from ganeti.query.column import Column, column, kind_of_parameter

R = TypeVar("R")


def common_columns(kind: Kind, own: Callable[[R], Entity]) -> Iterator[Column[R]]:
    """``own``: the object of a row."""
    title = kind.capitalize()
    yield column("name", title, TEXT, f"{title} name", lambda row: own(row).name, names=kind)
    yield column("uuid", "UUID", TEXT, f"{title} UUID", lambda row: own(row).uuid)
    told = "Serial number: how often it was modified"
    yield column("serial_no", "SerialNo", NUMBER, told, lambda row: own(row).serial_no)
    yield column("ctime", "CTime", TIMESTAMP, "Creation time", lambda row: own(row).ctime)
    yield column("mtime", "MTime", TIMESTAMP, "Modification time", lambda row: own(row).mtime)
    yield column("tags", "Tags", OTHER, "Tags", lambda row: sorted(own(row).tags))


def setting_columns(
    cls: type[Entity], own: Callable[[R], Entity], inherited: Mapping[str, Callable[[R], Any]]
) -> Iterator[Column[R]]:
    """A column for each setting that declares one.

    ``own``: the object of a row. ``inherited``: the effective values of inheriting settings, by the name of their
    field.
    """
    for row in settings_of(cls):
        parameter = parameters_of(cls)[row.name]
        value = _value(own, row.name)
        if row.inherits:
            told = f"{parameter.help}, merged with the defaults"
            yield column(row.shown_as, row.column, OTHER, told, inherited[row.name])
            told = f"Custom {parameter.help[0].lower()}{parameter.help[1:]}"
            yield column(f"custom_{row.name}", f"Custom{row.column}", OTHER, told, value)
        elif row.column:
            yield column(row.shown_as, row.column, _kind(parameter), parameter.help, value)


def _kind(parameter: Parameter) -> FieldKind:
    kind = parameter.kind
    text = isinstance(kind, type) and issubclass(kind, str)
    return TEXT if text and not parameter.nullable else kind_of_parameter(parameter)


def _value(own: Callable[[R], Entity], name: str) -> Callable[[R], Any]:
    return lambda row: getattr(own(row), name)
