# SPDX-License-Identifier: BSD-2-Clause
"""``gnt-instance rename``, which asks before it uses an unresolved name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ganeti.cli import follow
from ganeti.cli.options import FORCE
from ganeti.cli.runnable import Local, OperationCommand, help_of, own_options, parameters_from
from ganeti.cli.session import Session
from ganeti.errors import EXIT_CONFIRMATION
from ganeti.operations.instance.rename import InstanceRename

_OPERATION = OperationCommand(InstanceRename.commands[0], InstanceRename)


def _rename(session: Session, values: dict[str, Any]) -> int:
    forced = values.pop("force", False) or values.get("dry_run")
    if values.get("name_check") is False and not forced and not _confirmed(session, values["new_name"]):
        return EXIT_CONFIRMATION
    results = follow.run(session, InstanceRename.wire_name(), parameters_from(_OPERATION, values))
    if results and results[0]:
        session.say(f"Instance {values['instance_name']} is {results[0]} now")
    return 0


def _confirmed(session: Session, name: str) -> bool:
    return session.confirm(f"The name is not looked up, so make sure that '{name}' is the full one. Continue?")


RENAME = Local(
    replace(_OPERATION.command, options=(FORCE, *own_options(_OPERATION))),
    help_of(_OPERATION),
    _rename,
    job=True,
)
