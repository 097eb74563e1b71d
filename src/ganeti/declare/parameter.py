# SPDX-License-Identifier: BSD-2-Clause
"""How one parameter of an operation, or of a guest, is declared.

A parameter is a field of a frozen struct, its declaration stands in the field's annotation:

    target_node: Annotated[HostName | None, param("Node to move to", "-n", "--target-node")] = None

From it derive the command-line flag, the REST body, the reference page and the error text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import NODEFAULT, Meta, Struct

_KEY = "parameter"


@dataclass(frozen=True, slots=True)
class _Declaration:
    help: str
    flags: tuple[str, ...]
    metavar: str | None
    completes: str | None
    secret: bool
    bare: bool
    unsupported: bool
    accepted: str


def param(
    help: str,  # noqa: A002 - argparse's word for it
    *flags: str,
    metavar: str | None = None,
    completes: str | None = None,
    secret: bool = False,
    bare: bool = False,
    unsupported: bool = False,
    accepted: str = "",
) -> Meta:
    """The annotation of a parameter.

    ``flags``: its command-line flags; without any it can be set only through the API, or by the
    command's own composition. ``completes``: what shell completion offers, as in ``ganeti.declare.command.Option``.
    ``secret``: the value is kept out of logs, job lists and hooks. ``bare``: the flag takes no value,
    although "neither yes nor no" is possible too. ``unsupported``: any other value than the default is refused
    where it is decoded. ``accepted``: why taking it and doing nothing with it harms nobody.
    """
    declaration = _Declaration(help, flags, metavar, completes, secret, bare, unsupported, accepted)
    return Meta(description=help, extra={_KEY: declaration})


@dataclass(frozen=True, slots=True)
class Parameter:
    """A declared parameter, as read back from its struct."""

    name: str
    help: str
    type: Any
    default: Any
    required: bool
    flags: tuple[str, ...] = ()
    metavar: str | None = None
    completes: str | None = None
    secret: bool = False
    bare: bool = False
    unsupported: bool = False
    accepted: str = ""

    @property
    def kind(self) -> Any:
        """The type without ``None`` and without annotations: ``int``, ``bool``, ``dict`` ..., or "size"."""
        return _kind(self.type)

    @property
    def choices(self) -> tuple[Any, ...]:
        """The allowed values of a parameter that has a closed list of them."""
        return next((get_args(part) for part in _parts(self.type) if get_origin(part) is Literal), ())

    @property
    def nullable(self) -> bool:
        return type(None) in _parts(self.type)


@cache
def parameters_of(cls: type[Struct]) -> Mapping[str, Parameter]:
    """The declared parameters of a struct, by wire name, in the order of their declaration."""
    hints = get_type_hints(cls, include_extras=True)
    found = {}
    for field in msgspec.structs.fields(cls):
        declaration = _declaration(hints[field.name])
        if declaration is None:
            continue
        default = field.default_factory() if field.default_factory is not NODEFAULT else field.default
        found[field.encode_name] = Parameter(
            name=field.encode_name,
            help=declaration.help,
            type=field.type,
            default=None if default is NODEFAULT else default,
            required=field.required,
            flags=declaration.flags,
            metavar=declaration.metavar,
            completes=declaration.completes,
            secret=declaration.secret,
            bare=declaration.bare,
            unsupported=declaration.unsupported,
            accepted=declaration.accepted,
        )
    return found


def _declaration(hint: Any) -> _Declaration | None:
    for meta in getattr(hint, "__metadata__", ()):
        if isinstance(meta, Meta) and meta.extra and _KEY in meta.extra:
            found: _Declaration = meta.extra[_KEY]
            return found
    return None


def _parts(hint: Any) -> tuple[Any, ...]:
    """The members of a union, or the type itself, each without its outer annotations."""
    hint = getattr(hint, "__origin__", hint) if hasattr(hint, "__metadata__") else hint
    if get_origin(hint) in (Union, UnionType):
        return tuple(part for member in get_args(hint) for part in _parts_keeping_size(member))
    return (hint,)


def _parts_keeping_size(member: Any) -> tuple[Any, ...]:
    return (member,) if _is_size(member) else _parts(member)


def _is_size(hint: Any) -> bool:
    return any((meta.extra or {}).get("kind") == "size" for meta in getattr(hint, "__metadata__", ()))


def _kind(hint: Any) -> Any:
    for part in (hint, *_parts(hint)):
        if _is_size(part):
            return "size"
    kinds = [part for part in _parts(hint) if part is not type(None)]
    kind = getattr(kinds[0], "__origin__", kinds[0]) if hasattr(kinds[0], "__metadata__") else kinds[0]
    if get_origin(kind) is Literal:
        return type(get_args(kind)[0])
    return get_origin(kind) or kind
