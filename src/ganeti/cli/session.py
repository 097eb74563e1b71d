# SPDX-License-Identifier: BSD-2-Clause
"""The context of a running command: the master daemon, the terminal, options common to all commands."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ganeti.cli.failures import for_reading
from ganeti.declare.field import plain_rows
from ganeti.errors import EnvironmentUnfit, MasterUnreachable, NotInitialised, NotMaster
from ganeti.host.files import read_text
from ganeti.host.paths import Paths
from ganeti.luxi.client import Client
from ganeti.luxi.protocol import Method

if TYPE_CHECKING:
    from ganeti.jobs.preview import Preview


class Session:
    """One run of one command; ``script`` and ``command`` are its name, ``values`` its options."""

    def __init__(self, script: str, command: str, values: dict[str, Any]) -> None:
        self.script = script
        self.command = command
        self.values = values
        self.paths = Paths.from_environment()

    @cached_property
    def client(self) -> Client:
        """A client of the master daemon.

        Raises NotMaster or NotInitialised where there can't be one, or MasterUnreachable.
        """
        client = Client(self.paths.master_socket)
        try:
            client.connect()
        except MasterUnreachable:
            self._explain_missing_master()
            raise
        return client

    def query(self, what: str, fields: list[str], condition: Any = None) -> list[list[Any]]:
        """Rows of plain values, None where there is none."""
        table = self.client.call(Method.QUERY, what, fields, condition)
        return plain_rows(table["data"])

    def read(self, wire_name: str, **parameters: Any) -> Any:
        """The result of a read-only operation."""
        return self.client.call(Method.READ, {"OP_ID": wire_name, **parameters})

    def reason(self) -> list[list[Any]]:
        """The reason recorded in jobs: the command, and the text of --reason."""
        moment = time.time_ns()
        trail: list[list[Any]] = [[f"gnt:client:{self.script}", self.command, moment]]
        if self.values.get("reason_text"):
            trail.append(["gnt:user", self.values["reason_text"], moment])
        return trail

    def say(self, text: str = "") -> None:
        print(text)  # noqa: T201 - what the command is there for

    def warn(self, text: str) -> None:
        sys.stdout.flush()
        print(for_reading(text), file=sys.stderr)  # noqa: T201 - for the user

    def tell(self, preview: Preview) -> None:
        """What a command would do that is not an operation."""
        self.say(for_reading("\n".join(preview.lines()), sys.stdout))

    def confirm(self, question: str) -> bool:
        """Ask yes or no; without a terminal the answer is no."""
        if not sys.stdin.isatty():
            self.warn(f"{question}\nThere is no terminal to ask on; see --help for the option that answers yes")
            return False
        while True:
            try:
                answer = input(f"{question}\ny/[n]/?: ").strip().lower()
            except (EOFError, UnicodeDecodeError):  # Ctrl-D, or nothing that can be read
                self.say()
                return False
            except KeyboardInterrupt:
                raise KeyboardInterrupt("\nAborted.") from None
            if answer in ("y", "yes"):
                return True
            if answer in ("", "n", "no"):
                return False

    def choose(self, question: str, choices: Sequence[str]) -> str | None:
        """Ask for one of a numbered list; None for none of them, and without a terminal."""
        listed = "\n".join(f"{number:3}: {choice}" for number, choice in enumerate(choices))
        if not sys.stdin.isatty():
            self.warn(f"{question}\n{listed}\nThere is no terminal to ask on; see --help for the option that names one")
            return None
        self.say(f"{question}\n{listed}")
        while True:
            try:
                answer = input("Number (or x to abort): ").strip().lower()
            except (EOFError, UnicodeDecodeError):  # Ctrl-D, or nothing that can be read
                self.say()
                return None
            except KeyboardInterrupt:
                raise KeyboardInterrupt("\nAborted.") from None
            if answer == "x":
                return None
            if answer.isascii() and answer.isdecimal() and int(answer) < len(choices):
                return choices[int(answer)]

    def _explain_missing_master(self) -> None:
        known = read_text(self.paths.ssconf("master_node"))
        if known is None:
            raise NotInitialised(
                "Cluster not initialized. Please use 'gnt-cluster init' first, or add this machine to a cluster"
            )
        own, master = _own_name(self.paths), _obeyed(self.paths) or known
        if own and own != master:
            raise NotMaster(f"This is not the master node, please connect to node '{master}' and rerun the command")


def _obeyed(paths: Paths) -> str:
    """The master that this node obeys, which it may know before it has the newest facts; empty if unknown."""
    from ganeti.rpc.authority import read_term  # noqa: PLC0415 - slow to import, needed for an error only

    try:
        term = read_term(paths.term)
    except (OSError, EnvironmentUnfit):
        return ""
    return term.master if term else ""


def _own_name(paths: Paths) -> str:
    """This node's name; empty if the user may not read it."""
    from ganeti.host.certificates import node_name  # noqa: PLC0415 - slow to import, needed for an error only

    try:
        return node_name(paths.node_certificate.read_bytes())
    except OSError:
        return ""
