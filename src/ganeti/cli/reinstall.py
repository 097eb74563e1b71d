# SPDX-License-Identifier: BSD-2-Clause
"""``gnt-instance reinstall``, which can ask for the operating system."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ganeti.cli.os import offered
from ganeti.cli.per_instance import run_for_instances
from ganeti.cli.runnable import Local, OperationCommand, help_of, own_options
from ganeti.cli.session import Session
from ganeti.declare.command import Argument, Option
from ganeti.errors import EXIT_CONFIRMATION, UnknownEntity, WrongInput
from ganeti.operations.instance.reinstall import InstanceReinstall

_OPERATION = OperationCommand(InstanceReinstall.commands[0], InstanceReinstall)


def _reinstall(session: Session, values: dict[str, Any]) -> int:
    if values.pop("select_os", False):
        if values.get("os_type"):
            raise WrongInput("Give either an operating system (-o) or --select-os, not both")
        chosen = _selected(session)
        if chosen is None:
            return EXIT_CONFIRMATION
        values["os_type"] = chosen
    return run_for_instances(session, _OPERATION, values.pop("names", []))


def _selected(session: Session) -> str | None:
    names = offered(session)
    if not names:
        raise UnknownEntity("No operating system can be installed on every node; 'gnt-os diagnose' tells why")
    return session.choose("Available operating systems:", names)


REINSTALL = Local(
    replace(
        _OPERATION.command,
        arguments=(Argument("names", "Names of the instances", "*", completes="instance"),),
        options=(
            *own_options(_OPERATION),
            Option(("--select-os",), "Choose another operating system from a list", kind="flag"),
        ),
    ),
    help_of(_OPERATION),
    _reinstall,
    job=True,
)
