# SPDX-License-Identifier: BSD-2-Clause
"""How one parameter of an operation, or of a guest, is declared.

A parameter is a field of a frozen struct, declared in the field's annotation:

    target_node: Annotated[HostName | None, param("Node to move to", "-n", "--target-node")] = None

The command-line flag, the REST body, the reference page and the error text are derived from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, EnumType
from functools import cache, wraps
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import msgspec
from msgspec import NODEFAULT, Meta, Struct

from ganeti.declare.role import Role

_Answer = TypeVar("_Answer")

_KEY = "parameter"
# A file or directory, a program that is run, arguments or environment of one, the user that it runs as; an address at
# which others get access, or what restricts that.
Reach = Literal["path", "program", "arguments", "environment", "user", "listener", "protection"]

# Whether only its default is allowed, and the feature it belongs to; or, which values are refused.
Unsupported = bool | str | tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class _Declaration:
    help: str
    flags: tuple[str, ...]
    metavar: str | None
    completes: str | None
    secret: bool
    bare: bool
    off: str
    unsupported: Unsupported
    accepted: str
    reaches: Reach | None
    role: Role | None
    at_once: bool


def param(
    help: str,  # noqa: A002 - argparse's word for it
    *flags: str,
    metavar: str | None = None,
    completes: str | None = None,
    secret: bool = False,
    bare: bool = False,
    off: str = "",
    unsupported: Unsupported = False,
    accepted: str = "",
    reaches: Reach | None = None,
    role: Role | None = None,
    at_once: bool = False,
) -> Meta:
    """The annotation of a parameter.

    ``flags``: its command-line flags; without any it can be set only through the API, or by the
    command's own composition. ``completes``: what shell completion offers, as in ``ganeti.declare.command.Option``.
    ``secret``: the value is kept out of logs, job lists and hooks. ``bare``: the flag takes no value,
    although "not given" is possible too. ``off``: the help of a flag that disables a default (``--no-...``).
    ``unsupported``: values other than the default are refused by the decoder, and the parameter is not documented; a
    string names the feature it belongs to; a tuple has the only values that are refused. ``accepted``: why accepting
    and ignoring it is harmless; its help says so. ``reaches``: what the value becomes on a node, if that is more than
    words and numbers; requires the role admin. ``role``: the role that giving it requires, if higher than the
    operation's. ``at_once``: of guests, it takes effect while they run, not at their next start.
    """
    refused = unsupported and not isinstance(unsupported, tuple)
    remark = f" (no effect: {accepted})" if accepted else " (not supported yet)" if refused else ""
    off = f"{off}{remark}" if off else ""
    declaration = _Declaration(
        f"{help}{remark}",
        flags,
        metavar,
        completes,
        secret,
        bare,
        off,
        unsupported,
        accepted,
        reaches,
        role,
        at_once,
    )
    return Meta(description=declaration.help, extra={_KEY: declaration})


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
    off: str = ""
    unsupported: Unsupported = False
    accepted: str = ""
    reaches: Reach | None = None
    role: Role | None = None
    at_once: bool = False

    @property
    def kind(self) -> Any:
        return kind_of(self.type)

    @property
    def choices(self) -> tuple[Any, ...]:
        """The allowed values, if it is an enumeration."""
        return tuple(choice for choice in choices_of(self.type) if choice not in self.refused)

    @property
    def refused(self) -> tuple[Any, ...]:
        """The values of the enumeration that are not supported yet."""
        return self.unsupported if isinstance(self.unsupported, tuple) else ()

    @property
    def nullable(self) -> bool:
        return nullable(self.type)

    @property
    def supported(self) -> bool:
        """Whether it can be given at all."""
        return not self.unsupported or isinstance(self.unsupported, tuple)

    def refuses(self, value: Any) -> bool:
        """Whether a value is one of those that are not supported yet."""
        if isinstance(self.unsupported, tuple):
            return value in self.unsupported
        return bool(self.unsupported) and value != self.default

    def refusal(self, value: Any) -> str:
        """The message for a refused value, to follow the name of the parameter."""
        if isinstance(self.unsupported, tuple):
            return f": '{value}' is not supported yet; choose from {', '.join(map(str, self.choices))}"
        why = f": it belongs to {self.unsupported}" if isinstance(self.unsupported, str) else ""
        return f" is not supported yet{why}"


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
            off=declaration.off,
            unsupported=declaration.unsupported,
            accepted=declaration.accepted,
            reaches=declaration.reaches,
            role=declaration.role,
            at_once=declaration.at_once,
        )
    return found


def _remembered(about: Callable[[Any], _Answer]) -> Callable[[Any], _Answer]:
    """Caches a function by declared type; there are as many types as declarations.

    Keyed by identity: equal types, such as unions in another order, may have different first members.
    """
    known: dict[int, tuple[Any, _Answer]] = {}

    @wraps(about)
    def remembered(hint: Any) -> _Answer:
        found = known.get(id(hint))
        if found is None or found[0] is not hint:
            found = known[id(hint)] = (hint, about(hint))
        return found[1]

    return remembered


@_remembered
def kind_of(hint: Any) -> Any:
    """A type without ``None`` and without annotations: ``int``, ``bool``, ``dict`` ..., or "size"."""
    for part in (hint, *_parts(hint)):
        if _is_size(part):
            return "size"
    kind = _first(hint)
    if get_origin(kind) is Literal:
        return type(get_args(kind)[0])
    return get_origin(kind) or kind


@_remembered
def reader_of(hint: Any) -> Callable[[str, str], Any] | None:
    """A type's own decoder for strings from any source; it takes a string and the place for its error."""
    found = (meta.extra.get("reads") for part in (hint, *_parts(hint)) for meta in _metas(part) if meta.extra)
    return next((reader for reader in found if reader), None)


def choices_of(hint: Any) -> tuple[Any, ...]:
    """The values of an enumeration; for a list those of its members."""
    parts = _parts(member_of(hint) or hint)
    return next((values for part in parts if (values := _closed(part))), ())


def refused_of(hint: Any) -> tuple[Any, ...]:
    """The values of this type that a parameter refuses."""
    declaration = _declaration(hint)
    return declaration.unsupported if declaration and isinstance(declaration.unsupported, tuple) else ()


@_remembered
def nullable(hint: Any) -> bool:
    return type(None) in _parts(hint)


@_remembered
def member_of(hint: Any) -> Any:
    """The type of all members of a list; None for anything else, or if types differ."""
    kind = _first(hint)
    arguments = get_args(kind)
    if get_origin(kind) is list or (get_origin(kind) is tuple and arguments[1:] == (Ellipsis,)):
        return arguments[0]
    return None


@_remembered
def length_of(hint: Any) -> Any:
    """A type of lists of anything, with the maximum length of ``hint``."""
    members = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    metas = [meta for member in members for meta in getattr(member, "__metadata__", ()) if isinstance(meta, Meta)]
    return Annotated[list[Any], *metas] if metas else list[Any]


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


def _closed(part: Any) -> tuple[Any, ...]:
    if get_origin(part) is Literal:
        return get_args(part)
    return tuple(member.value for member in cast("type[Enum]", part)) if isinstance(part, EnumType) else ()


def _is_size(hint: Any) -> bool:
    return any((meta.extra or {}).get("kind") == "size" for meta in _metas(hint))


def _metas(hint: Any) -> Iterator[Meta]:
    return (meta for meta in getattr(hint, "__metadata__", ()) if isinstance(meta, Meta))


def _first(hint: Any) -> Any:
    """The first member of a union that isn't None, without its annotations."""
    kinds = [part for part in _parts(hint) if part is not type(None)]
    return getattr(kinds[0], "__origin__", kinds[0]) if kinds and hasattr(kinds[0], "__metadata__") else kinds[0]
