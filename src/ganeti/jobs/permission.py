# SPDX-License-Identifier: BSD-2-Clause
"""Whether a caller may have an operation carried out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ganeti.declare.parameter import parameters_of
from ganeti.declare.role import Role
from ganeti.errors import AccessDenied
from ganeti.jobs.operation import JobOperation
from ganeti.model.caller import Caller
from ganeti.model.parameters.hypervisor import HYPERVISOR_PARAMETERS


def ensure_role(caller: Caller, role: Role, what: str) -> None:
    """Raises AccessDenied."""
    if role not in caller.roles:
        raise AccessDenied(f"User '{caller.name}' lacks the permission '{role}', which {what} requires")


def ensure_may(caller: Caller, operation: JobOperation[Any]) -> None:
    """Whether the caller may do that with these parameters. Raises AccessDenied."""
    ensure_role(caller, operation.role, operation.wire_name())
    for name, role in _demanded(operation):
        ensure_role(caller, role, f"parameter '{name}'")


def _demanded(operation: JobOperation[Any]) -> Iterator[tuple[str, Role]]:
    """The parameters that have a role of their own and are given."""
    for name, parameter in operation.parameters().items():
        given = getattr(operation, name)
        if parameter.role and given != parameter.default:
            yield name, parameter.role
        if name == "hvparams":
            yield from ((f"hvparams/{inner}", role) for inner, role in _of_hypervisors(given or {}))


def _of_hypervisors(given: dict[str, Any]) -> Iterator[tuple[str, Role]]:
    """A name counts if it is special with any hypervisor: which one it is for is the instance's to say."""
    for parameters in HYPERVISOR_PARAMETERS.values():
        for name, parameter in parameters_of(parameters).items():
            if parameter.reaches and name in given:
                yield name, Role.ADMIN
