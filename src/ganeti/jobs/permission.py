# SPDX-License-Identifier: BSD-2-Clause
"""Whether a caller may submit an operation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from ganeti.declare.parameter import parameters_of
from ganeti.declare.role import Role
from ganeti.errors import AccessDenied
from ganeti.jobs.operation import JobOperation
from ganeti.model.caller import Caller
from ganeti.model.job import Job
from ganeti.model.parameters.backend import BackendParameters
from ganeti.model.parameters.disk import DISK_PARAMETERS
from ganeti.model.parameters.hypervisor import HYPERVISOR_PARAMETERS
from ganeti.model.parameters.network import NicParameters
from ganeti.model.parameters.node import NodeParameters

# Parameters that contain others.
_TABLES: Mapping[str, Iterable[type[Struct]]] = {
    "hvparams": HYPERVISOR_PARAMETERS.values(),
    "beparams": (BackendParameters,),
    "nicparams": (NicParameters,),
    "nics": (NicParameters,),
    "ndparams": (NodeParameters,),
    "diskparams": DISK_PARAMETERS.values(),
}
# What becomes the environment of scripts that run as root.
_OF_SCRIPTS = frozenset({"osparams", "osparams_private", "osparams_secret"})


def ensure_role(caller: Caller, role: Role, what: str) -> None:
    """Raises AccessDenied."""
    if role not in caller.roles:
        raise AccessDenied(f"User '{caller.name}' lacks the permission '{role}', which {what} requires")


def ensure_may_change(caller: Caller, job: Job, priority: int = 0) -> None:
    """Whether the caller may cancel a job, or give it another priority. Raises AccessDenied.

    No one may change the jobs of callers with more permissions.
    """
    _ensure_priority(caller, priority)
    if job.caller.name != caller.name and not job.caller.roles <= caller.roles:
        raise AccessDenied(
            f"Job {job.id} was submitted by '{job.caller.name}', who may do more than user '{caller.name}'"
        )


def _ensure_priority(caller: Caller, priority: int) -> None:
    if priority < 0:
        ensure_role(caller, Role.ADMIN, "a priority above normal (below 0)")


def ensure_may(caller: Caller, operation: JobOperation[Any]) -> None:
    """Whether the caller may do that with these parameters. Raises AccessDenied."""
    ensure_role(caller, operation.role, operation.wire_name())
    _ensure_priority(caller, operation.priority)
    for name, role in _demanded(operation):
        ensure_role(caller, role, f"parameter '{name}'")


def _demanded(given: Struct) -> Iterator[tuple[str, Role]]:
    """The given parameters that require a role of their own, nested ones included."""
    for name, parameter in parameters_of(type(given)).items():
        value = getattr(given, name)
        if value == parameter.default:
            continue
        if parameter.role or parameter.reaches or name in _OF_SCRIPTS:
            yield name, parameter.role or Role.ADMIN
        yield from ((f"{name}/{inner}", role) for inner, role in _within(name, value))


def _within(name: str, value: Any, tables: Iterable[type[Struct]] = ()) -> Iterator[tuple[str, Role]]:
    """``tables``: those that apply to the mapping with this value."""
    if isinstance(value, Struct):
        yield from _demanded(value)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _within(name, item, tables)
    elif isinstance(value, Mapping):
        own = _TABLES.get(name, tables)
        yield from _of_table(own, value)
        for key, inner in value.items():
            if key in _OF_SCRIPTS and inner:
                yield key, Role.ADMIN
            yield from _within(str(key), inner, own)


def _of_table(tables: Iterable[type[Struct]], given: Mapping[str, Any]) -> Iterator[tuple[str, Role]]:
    """A name counts if it requires a role in any table: which table applies often depends on the instance."""
    for table in tables:
        for name, parameter in parameters_of(table).items():
            if parameter.reaches and name in given:
                yield name, Role.ADMIN
