# SPDX-License-Identifier: BSD-2-Clause
"""``gnt-node power``, ``health`` and ``powercycle``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ganeti.cli.listing import HEADERS, SEPARATOR, show
from ganeti.cli.names import exact_names
from ganeti.cli.options import FORCE, PREVIEW, PRIORITY
from ganeti.cli.runnable import Local, presented, said
from ganeti.cli.session import Session
from ganeti.declare.command import Argument, Command, Option
from ganeti.declare.field import FieldKind, ValueStatus
from ganeti.errors import EXIT_CONFIRMATION, EXIT_FAILURE, WrongInput, WrongState
from ganeti.operations.node.oob import refusal_of_master
from ganeti.operations.node.powercycle import NodePowercycle
from ganeti.query.filter import names_filter

OOB_TIMEOUT = Option(
    ("--oob-timeout",), "Seconds that the out-of-band program gets for each node", kind="int", default=60
)
POWER_DELAY = Option(
    ("--power-delay",), "Seconds between switching on one node and the next", kind="float", default=2.0
)
_COMMANDS = {"on": "power-on", "off": "power-off", "cycle": "power-cycle", "status": "power-status"}
_NODES = Argument("names", "Names of the nodes", "*", completes="node")


def table(session: Session, rows: Sequence[Sequence[Any]], told: Callable[[Any], list[str]]) -> list[str]:
    """Print what OP_OOB_COMMAND returns; the names of the nodes for which it failed.

    ``told``: formats a program's output as lines; the name is put before the first.
    """
    fields = [{"name": title.lower(), "title": title, "kind": FieldKind.TEXT} for title in ("Node", "Status")]
    data = [
        [name if index == 0 else (ValueStatus.NORMAL, ""), (status, line)]
        for name, (status, value) in rows
        for index, line in enumerate(told(value) if status == ValueStatus.NORMAL else [None])
    ]
    show(session, {**session.values, "verbose": True}, {"fields": fields, "data": data})
    return [name for (_, name), (status, _) in rows if status != ValueStatus.NORMAL]


def invoked(value: Any) -> list[str]:
    """The message for a program that succeeded."""
    del value
    return ["invoked"]


def _power(session: Session, values: dict[str, Any]) -> int:
    what = values["what"]
    if what in ("off", "cycle") and not values["names"]:
        raise WrongInput(f"Please provide at least one node: 'power {what}' is never done to all")
    names = exact_names(session, "node", values["names"])
    dry_run = bool(values.get("dry_run"))
    if what in ("off", "cycle"):
        _ensure_not_master(session, names, _COMMANDS[what])
    if what in ("off", "cycle") and not (values.get("force") or dry_run) and not _really(session, what, names):
        return EXIT_CONFIRMATION
    from ganeti.cli import follow  # noqa: PLC0415 - slow to import, and what is refused needs none

    before = _to_mark_offline(session, names) if what == "off" and not values.get("ignore_status") else []
    asked = {
        "command": _COMMANDS[what],
        "node_names": names,
        "timeout": values["oob_timeout"],
        "power_delay": values["power_delay"],
        # Those that would be marked before are not when they are only previewed.
        "ignore_status": bool(values.get("ignore_status")) or bool(dry_run and before),
        "dry_run": dry_run,
    }
    marking = {"offline": True, "auto_promote": bool(values.get("auto_promote")), "dry_run": dry_run}
    operations = [("OP_NODE_SET_PARAMS", {"node_name": name, **marking}) for name in before]
    if before:  # no node is marked, or said to be, for a program that is not there
        follow.check(session, "OP_OOB_COMMAND", {**asked, "ignore_status": True})
    results = follow.run_all(session, [*operations, ("OP_OOB_COMMAND", asked)])
    return 0 if results is None or dry_run else _switched(session, what, results[-1])


def _switched(session: Session, what: str, rows: Sequence[Sequence[Any]]) -> int:
    failed = table(session, rows, _is_powered if what == "status" else invoked)
    if what == "off" and failed:
        named = ", ".join(failed)
        session.warn(f"Not switched off, though it may be marked offline: {named}. Instances may run on there")
    return EXIT_FAILURE if failed else 0


def _is_powered(value: dict[str, bool]) -> list[str]:
    return ["powered" if value["powered"] else "unpowered"]


def _really(session: Session, what: str, names: Sequence[str]) -> bool:
    condition = ["&", ["|", *(["=", "pnode", name] for name in names)], ["?", "oper_state"]]
    running = [name for (name,) in session.query("instance", ["name"], condition)]
    told = f" These instances run there: {', '.join(running)}." if running else ""
    return session.confirm(f"{'Switch off' if what == 'off' else 'Power-cycle'} {', '.join(names)}?{told}")


def _ensure_not_master(session: Session, names: Sequence[str], command: str) -> None:
    """Raise WrongState before anything is asked; the operation, which refuses it too, would be too late for that."""
    for name, role, program in session.query("node", ["name", "role", "ndp/oob_program"], names_filter(names)):
        if role == "M" and program:  # the operation says what is wrong without one
            raise WrongState(refusal_of_master(name, program, command))


def _to_mark_offline(session: Session, names: Sequence[str]) -> list[str]:
    """Without the master, which cannot be: the operation says why, and what can be done."""
    rows = session.query("node", ["name", "offline", "role"], names_filter(names))
    return [name for name, offline, role in rows if not offline and role != "M"]


POWER = Local(
    Command(
        "gnt-node",
        "power",
        (Argument("what", "on, off, cycle or status", choices=tuple(_COMMANDS)), _NODES),
        (
            FORCE,
            Option(("--auto-promote",), "Promote other nodes to master candidates in place of those", kind="flag"),
            Option(("--ignore-status",), "Switch off nodes without marking them offline first", kind="flag"),
            HEADERS,
            SEPARATOR,
            OOB_TIMEOUT,
            POWER_DELAY,
            PREVIEW,
        ),
        usage="on|off|cycle|status [<node-name>...]",
    ),
    "Switch the power of nodes by their out-of-band programs, or show whether they have power. 'on' and 'status' are "
    "done to all nodes that have such a program if none is named. 'off' marks nodes offline first.",
    _power,
    job=True,
)


def _health(session: Session, values: dict[str, Any]) -> int:
    from ganeti.cli import follow  # noqa: PLC0415 - slow to import

    asked = {
        "command": "health",
        "node_names": exact_names(session, "node", values["names"]),
        "timeout": values["oob_timeout"],
    }
    results = follow.run(session, "OP_OOB_COMMAND", asked)
    assert results is not None  # noqa: S101 - it takes no --submit
    failed = table(session, results[0], lambda items: [f"{item}={status}" for item, status in items])
    return EXIT_FAILURE if failed else 0


HEALTH = Local(
    Command(
        "gnt-node",
        "health",
        (_NODES,),
        (HEADERS, SEPARATOR, PRIORITY, OOB_TIMEOUT),
        usage="[<node-name>...]",
    ),
    "Show what out-of-band programs say of the health of nodes, of all that have one if none is named.",
    _health,
)


POWERCYCLE = presented(NodePowercycle, said)
