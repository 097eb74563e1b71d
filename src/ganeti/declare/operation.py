# SPDX-License-Identifier: BSD-2-Clause
"""How something that the cluster can do is declared.

An operation is a frozen value, its parameters are its fields. Wire names are Ganeti's
(``OP_INSTANCE_MIGRATE``, ``instance_name``). Its implementation is in the same file; see
``ganeti.jobs.operation``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta, Struct

from ganeti.declare.command import Command
from ganeti.declare.parameter import Parameter, param, parameters_of
from ganeti.declare.role import Role
from ganeti.declare.route import Route
from ganeti.declare.secret import blanked, has_secrets
from ganeti.declare.types import MOST, MOST_JOBS, MOST_KINDS, Name, NonNegative, Priority, Text

PRIORITIES = {"low": 10, "normal": 0, "high": -10}


_JobNumber = Annotated[int, Meta(ge=-MOST, le=MOST)]
_Statuses = Annotated[list[Name], Meta(max_length=MOST_KINDS)]
_Depends = Annotated[list[tuple[_JobNumber, _Statuses]], Meta(max_length=MOST_JOBS)]
_Reason = Annotated[list[Any], Meta(max_length=MOST_KINDS)]


@dataclass(frozen=True, slots=True)
class Hook:
    """The directory below ``/etc/ganeti/hooks`` (without ``-pre.d``), and the kind of object that it is ``about``.

    ``refusable``: there are pre hooks too, which can refuse it.
    """

    path: str
    about: Literal["CLUSTER", "NODE", "GROUP", "INSTANCE", "NETWORK"]
    refusable: bool = True


class Operation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="OP_ID"):
    """The parameters that every operation has."""

    dry_run: Annotated[
        bool | None,
        param(
            "Check whether the operation is possible and tell what it would do, but change nothing",
            "--dry-run",
            "--preview",
            bare=True,
        ),
    ] = None
    debug_level: Annotated[NonNegative | None, param("Verbosity of the scripts that the operation runs")] = None
    priority: Annotated[
        Priority,
        param("Priority of the job, -20 to 19; the lower the number, the sooner it runs (low 10, normal 0, high -10)"),
    ] = 0
    depends: Annotated[
        _Depends | None,
        param("Jobs to wait for, each with the accepted final statuses; negative numbers are relative"),
    ] = None
    comment: Annotated[Text | None, param("A comment that is kept with the job")] = None
    reason: Annotated[
        _Reason | None, param("Reason trail: a list of (source, reason, nanoseconds since the epoch)")
    ] = None

    # The source of the tables of commands, routes, roles and hooks.
    role: ClassVar[Role] = Role.ADMIN
    subject: ClassVar[str | None] = None  # the parameter shown in brackets in lists of jobs
    commands: ClassVar[tuple[Command, ...]] = ()
    routes: ClassVar[tuple[Route, ...]] = ()
    hook: ClassVar[Hook | None] = None

    @classmethod
    def wire_name(cls) -> str:
        tag = cls.__struct_config__.tag
        assert isinstance(tag, str)  # noqa: S101 - every operation names its tag; tests/house checks it
        return tag

    @classmethod
    def parameters(cls) -> dict[str, Parameter]:
        return dict(parameters_of(cls))

    def summary(self) -> str:
        """``INSTANCE_MIGRATE(web1)``, as lists of jobs show it."""
        name = self.wire_name().removeprefix("OP_")
        about = getattr(self, self.subject) if self.subject else None
        return f"{name}({about})" if about else name

    def concealed(self) -> dict[str, Any] | None:
        """Its fields as plain values, with secrets blanked, also in nested values; None if it contains no secrets."""
        if not has_secrets(type(self)):
            return None
        values: dict[str, Any] = msgspec.to_builtins(self)
        shown = blanked(type(self), values)
        return shown if shown != values else None


COMMON_PARAMETERS = frozenset(parameters_of(Operation))
