# SPDX-License-Identifier: BSD-2-Clause
"""A column of a list, and the table that a query returns."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Raw, Struct

from ganeti.declare.field import BOOL, FLOAT, NUMBER, OTHER, UNIT, Field, FieldKind, ValueStatus, plain_rows
from ganeti.declare.parameter import Parameter
from ganeti.declare.text import meant, shortened
from ganeti.errors import WrongInput
from ganeti.model.kind import Kind
from ganeti.query.filter import Filter, accept_all

T = TypeVar("T")

_KINDS = {bool: BOOL, int: NUMBER, float: FLOAT, "size": UNIT}

MOST_CELLS = 4_000_000  # maximum cells of one table

_encoder = msgspec.json.Encoder()


class Absent(Exception):
    """Raised by a column that has no value for a row, with the reason."""

    def __init__(self, status: ValueStatus) -> None:
        super().__init__(status)
        self.status = status


UNAVAILABLE = Absent(ValueStatus.UNAVAILABLE)
NO_DATA = Absent(ValueStatus.NO_DATA)
OFFLINE = Absent(ValueStatus.OFFLINE)


@dataclass(frozen=True, slots=True)
class Column(Generic[T]):
    """``value`` raises Absent. ``live``: it needs reports from nodes, which must be fetched first.

    ``names``: the kind of object whose name or names it contains.
    """

    field: Field
    value: Callable[[T], Any]
    live: bool = False
    names: Kind | None = None

    def cell(self, row: T) -> tuple[int, Any]:
        """(status, value) as sent over the wire."""
        try:
            value = self.value(row)
        except Absent as absent:
            return int(absent.status), None
        return (int(ValueStatus.UNAVAILABLE), None) if value is None else (int(ValueStatus.NORMAL), value)


def column(  # what a declaration gives, in the order in which the tables have it
    name: str,
    title: str,
    kind: FieldKind,
    doc: str,
    value: Callable[[T], Any],
    *,
    live: bool = False,
    names: Kind | None = None,
) -> Column[T]:
    return Column(Field(name, title, kind, doc), value, live, names)


def kind_of_parameter(parameter: Parameter) -> FieldKind:
    """The kind of a column that shows a parameter of a guest or a node; strings are "other", as in Ganeti."""
    return _KINDS.get(parameter.kind, OTHER)


def unknown(name: str) -> Column[Any]:
    """The column for an undeclared name."""

    def value(row: Any) -> Any:
        del row
        raise Absent(ValueStatus.UNKNOWN)

    return Column(Field(name, name, FieldKind.UNKNOWN, f"Unknown field '{name}'"), value)


class Table(Struct, frozen=True):
    """The result of a query: cells are (status, value)."""

    fields: list[Field]
    data: list[list[tuple[int, Any]]]

    @property
    def rows(self) -> list[list[Any]]:
        return plain_rows(self.data)

    def encoded(self) -> Generator[None, None, dict[str, Any]]:
        """As sent over the wire, one row per step: encoding a large one at once would keep others waiting."""
        data = yield from _encoded(self.data)
        return {"fields": self.fields, "data": data}

    def encoded_rows(self) -> Generator[None, None, list[Raw]]:
        """The plain values of each row; None where there is none."""
        return (yield from _encoded([value for _, value in cells] for cells in self.data))

    def encoded_objects(self, keys: Sequence[str]) -> Generator[None, None, list[Raw]]:
        """Likewise, as objects."""
        rows = ({key: value for key, (_, value) in zip(keys, cells, strict=True)} for cells in self.data)
        return (yield from _encoded(rows))


def _encoded(rows: Iterable[Any]) -> Generator[None, None, list[Raw]]:
    made: list[Raw] = []
    for row in rows:
        made.append(Raw(_encoder.encode(row)))
        yield
    return made


class Columns(Generic[T]):
    """All columns of a kind of object. ``family`` finds those whose names have parts, such as "nic.mac/7"."""

    def __init__(
        self,
        columns: Sequence[Column[T]],
        family: Callable[[str], Column[T] | None] = lambda name: None,
        name: str = "name",
    ) -> None:
        """``name``: the column that identifies a row."""
        self.by_name: Mapping[str, Column[T]] = {column.field.name: column for column in columns}
        self._family = family
        self._name = name

    def find(self, name: str) -> Column[T]:
        """The column of a name; one of unknown kind if there is none."""
        return self.by_name.get(name) or self._family(name) or unknown(name)

    def fields(self, names: Sequence[str] | None = None) -> list[Field]:
        if names:
            return [self.find(name).field for name in names]
        return [column.field for column in sorted(self.by_name.values(), key=lambda c: c.field.name)]

    def need_live(self, names: Sequence[str], condition: Filter | None = None) -> bool:
        """Whether reports of nodes are needed for these columns or those of the filter."""
        mentioned = set(names) | (condition.fields if condition else set())
        return any(self.find(name).live for name in mentioned)

    def query(self, rows: Sequence[T], names: Sequence[str], condition: Filter | None = None) -> Table:
        """The table of the rows that match a condition; see ``steps``."""
        steps = self.steps(rows, names, condition)
        while True:
            try:
                next(steps)
            except StopIteration as made:
                table: Table = made.value
                return table

    def steps(
        self, rows: Sequence[T], names: Sequence[str], condition: Filter | None = None
    ) -> Generator[None, None, Table]:
        """Builds the table one row per step, so that other work can be done in between.

        The rows keep their order, or get that of the names if the condition is a list of names. Raises WrongInput for a
        condition on an unknown field, and for a table that is too large.
        """
        columns = [self.find(name) for name in names]
        accepted = condition.bind(self._getter) if condition else accept_all
        found: list[T] = []
        for row in rows:
            if accepted(row):
                found.append(row)
            yield
        if len(found) * len(columns) > MOST_CELLS:
            raise WrongInput(
                f"{len(columns)} fields of {len(found)} objects exceed what an answer holds ({MOST_CELLS} values); "
                "ask for fewer fields, or with a filter"
            )
        if condition and (place := condition.order(self._name, self._getter)):
            found.sort(key=place)
        data: list[list[tuple[int, Any]]] = []
        for row in found:
            data.append([column.cell(row) for column in columns])
            yield
        return Table([column.field for column in columns], data)

    def _getter(self, name: str) -> Callable[[T], Any]:
        column = self.find(name)
        if column.field.kind is FieldKind.UNKNOWN:
            raise WrongInput(f"The filter names the field '{shortened(name)}', which does not exist{self._meant(name)}")
        return lambda row: column.cell(row)[1]

    def _meant(self, name: str) -> str:
        return meant(name, self.by_name) or "; 'list-fields' shows all"
