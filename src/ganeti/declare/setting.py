# SPDX-License-Identifier: BSD-2-Clause
"""How a setting of the cluster, a group or a node is declared: once, at its field.

    candidate_pool_size: Annotated[
        Positive, setting("How many master candidates there should be", "-C", title="candidate pool size")
    ] = 10

From this follow the parameters of the operations that add or modify the object, and their flags, the line of
``info``, the column of lists and the key of the remote API. ``with_settings`` gives a struct the parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Annotated, Any, Literal, Optional, TypeVar, get_type_hints

import msgspec
from msgspec import Meta, Struct

from ganeti.declare.parameter import param
from ganeti.declare.problems import Problems
from ganeti.errors import WrongInput

S = TypeVar("S", bound=Struct)
When = Literal["init", "add", "modify"]
_KEY = "setting"


@dataclass(frozen=True, slots=True)
class Setting:
    """``type``: of the parameter that sets it. ``title``: its line in ``info``, ``column``: its column's title.

    Both are empty if it has none of its own.
    """

    name: str
    type: Any
    title: str
    parameter: str
    shown_as: str
    column: str
    inherits: bool
    when: tuple[When, ...]
    secret: bool

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of its columns in lists."""
        shown = self.column or self.shown_as != self.name
        return (self.shown_as, f"custom_{self.name}") if self.inherits else (self.shown_as,) if shown else ()


def setting(
    help: str,  # noqa: A002 - argparse's word for it
    *flags: str,
    title: str = "",
    parameter: str = "",
    shown_as: str = "",
    column: str = "",
    inherits: bool = False,
    given: Any = None,
    when: tuple[When, ...] = ("init", "add", "modify"),
    secret: bool = False,
    **others: Any,
) -> Meta:
    """The annotation of a setting.

    ``title``: its label among the parameters that ``info`` lists. ``parameter``: its name in the operation, and
    ``shown_as``: in lists and the remote API, where they differ from the field's. ``column``: the title of its column.
    ``inherits``: unset parts are inherited from the level above; lists show the effective value, and its own part
    as ``custom_...``. ``given``: the type of the parameter if it edits the field instead of replacing it.
    ``when``: the commands that take it.
    ``secret``: it is shown nowhere. ``others``: as in ``param``.
    """
    declared = param(help, *flags, secret=secret, **others)
    row = Setting("", given, title, parameter, shown_as, column, inherits, when, secret)
    return Meta(description=declared.description, extra={**(declared.extra or {}), _KEY: row})


@cache
def settings_of(cls: type[Struct]) -> tuple[Setting, ...]:
    """The declared settings of a struct, in the order of their declaration."""
    hints = get_type_hints(cls, include_extras=True)
    return tuple(
        _read(name, hints[name], meta)
        for name in cls.__struct_fields__
        for meta in getattr(hints[name], "__metadata__", ())
        if isinstance(meta, Meta) and _KEY in (meta.extra or {})
    )


def with_settings(cls: type[Struct], when: When) -> Callable[[type[S]], type[S]]:
    """Gives a struct a parameter for each setting of ``cls``; None leaves it as it is."""
    fields = [(row.parameter, row.type, None) for row in settings_of(cls) if when in row.when]

    def extended(struct: type[S]) -> type[S]:
        made: Any = msgspec.defstruct(
            struct.__name__,
            fields,
            bases=(struct,),
            module=struct.__module__,
            namespace={"__doc__": struct.__doc__},
            kw_only=True,
        )
        return made  # type: ignore[no-any-return]  # a subclass of struct

    return extended


def given_settings(cls: type[Struct], value: Struct) -> dict[str, Any]:
    """The given settings of ``cls`` in a struct made by ``with_settings``, by the name of their field."""
    values = ((row.name, getattr(value, row.parameter, None)) for row in settings_of(cls))
    return {name: given for name, given in values if given is not None}


def with_given(
    entity: S, given: Mapping[str, Any], merged: Mapping[str, Callable[[S, Any], Any]], problems: Problems
) -> S:
    """The entity with the settings of ``given``, by the name of their field, as far as they are valid.

    ``merged``: how to derive those that are not just replaced by the given value. Problems are noted, including those
    from the resulting entity's ``problems``.
    """
    changes = {}
    for name, value in given.items():
        with problems.noted():
            changes[name] = merged[name](entity, value) if name in merged else value
    result = msgspec.structs.replace(entity, **changes)
    find = getattr(result, "problems", None)
    with problems.noted():
        if found := find() if find else []:
            raise WrongInput("\n".join(found))
    return result


def _read(name: str, hint: Any, meta: Meta) -> Setting:
    row: Setting = (meta.extra or {})[_KEY]
    # Annotated[int, Meta(ge=1), setting(...)] -> Annotated[Annotated[int, Meta(ge=1)] | None, setting(...)]
    limits = tuple(other for other in hint.__metadata__ if other is not meta)
    own = row.type or (Annotated[(hint.__origin__, *limits)] if limits else hint.__origin__)
    return replace(
        row,
        name=name,
        type=Annotated[Optional[own], meta],  # noqa: UP045 - of a value
        parameter=row.parameter or name,
        shown_as=row.shown_as or name,
    )
