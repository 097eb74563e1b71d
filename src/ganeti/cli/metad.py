# SPDX-License-Identifier: BSD-2-Clause
"""``gnt-debug metad``: talking to the metadata daemon of this node."""

from __future__ import annotations

from typing import Any

from ganeti.cli.runnable import Local
from ganeti.cli.session import Session
from ganeti.declare.command import Argument, Command
from ganeti.errors import EnvironmentUnfit, MasterUnreachable, WrongInput
from ganeti.luxi.client import Client


def _metad(session: Session, values: dict[str, Any]) -> int:
    name, arguments = values["command"], values["arguments"]
    wanted = _ARGUMENTS[name]
    if len(arguments) != len(wanted):
        raise WrongInput(f"'gnt-debug metad {name}' takes {' and '.join(wanted) or 'no arguments'}")
    client = Client(session.paths.metadata_socket)
    try:
        answer = client.call(name, *arguments)
    except MasterUnreachable:
        raise EnvironmentUnfit(
            "ganeti-metad of this node does not answer; it runs while there are guests here that communicate with it "
            "('gnt-instance modify --communication=yes'), and answers root alone"
        ) from None
    for line in answer if isinstance(answer, list) else [] if answer is None else [answer]:
        session.say(_plain(line if isinstance(line, str) else " ".join(line)))
    return 0


def _plain(text: str) -> str:
    """What a guest has written, without anything that a terminal would obey."""
    return "".join(one if one.isprintable() or one in "\n\t" else "\N{REPLACEMENT CHARACTER}" for one in text)


_ARGUMENTS = {"echo": ("TEXT",), "list": (), "read": ("INSTANCE",), "write": ("INSTANCE", "TEXT")}

METAD = Local(
    Command(
        "gnt-debug",
        "metad",
        (
            Argument(
                "command",
                "echo TEXT: say it; list: the guests of this node that it answers; read INSTANCE: what a guest has "
                "written; write INSTANCE TEXT: have it for the guest to read",
                choices=tuple(_ARGUMENTS),
            ),
            Argument("arguments", "Of that command", "*"),
        ),
        usage="<cmd> <args...>",
    ),
    "Talk to the metadata daemon of this node.",
    _metad,
)
