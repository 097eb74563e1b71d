# SPDX-License-Identifier: BSD-2-Clause
"""Running things on nodes: ``gnt-cluster command`` and ``copyfile``, ``gnt-node restricted-command``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganeti.cli import follow
from ganeti.cli.chosen_nodes import GROUP, NODES, Reached, chosen
from ganeti.cli.runnable import Local
from ganeti.cli.session import Session
from ganeti.declare.command import Argument, Command, Option
from ganeti.errors import EXIT_FAILURE, WrongInput
from ganeti.host.reasons import reason

if TYPE_CHECKING:
    from ganeti.host.process import Finished

_RULE = "-" * 48
_MACHINE_NAMES = Option(("-M", "--show-machine-names"), "Print the name of the node before each line", kind="flag")


def _command(session: Session, values: dict[str, Any]) -> int:
    nodes = chosen(session, values.get("nodes") or [], values.get("nodegroup"))
    import asyncio  # noqa: PLC0415 - slow to import

    from ganeti.cli.remote import run_everywhere  # noqa: PLC0415 - likewise

    failed = []

    def told(node: Reached, done: Finished) -> None:
        if done.failed:
            failed.append(node)
        elif values.get("failure_only"):
            return
        _print(session, node.name, done.output + done.errors, "node")
        session.say(f"return code = {done.status}")

    asyncio.run(run_everywhere(nodes, " ".join(values["command"]), told))
    return EXIT_FAILURE if failed else 0


def _print(session: Session, name: str, output: str, called: str) -> None:
    """In Ganeti's format; scripts parse these lines."""
    session.say(_RULE)
    if session.values.get("show_machine_names"):
        for line in output.splitlines():
            session.say(f"{name}: {line}")
    else:
        session.say(f"{called}: {name}\n{output}")


COMMAND = Local(
    Command(
        "gnt-cluster",
        "command",
        (Argument("command", "Command, with its own options and arguments", "+"),),
        (
            NODES,
            GROUP,
            _MACHINE_NAMES,
            Option(("--failure-only",), "Print nothing of nodes where the command succeeds", kind="flag"),
        ),
        usage="[-n <node>...] <command>",
        runs=True,
    ),
    "Run a command on all nodes over SSH, on the master last. It fails if the command does on any of them.",
    _command,
)


def _copyfile(session: Session, values: dict[str, Any]) -> int:
    path = Path(values["file"]).absolute()
    if not path.is_file():
        raise WrongInput(f"{path} is not a file that can be copied" if path.exists() else f"There is no file {path}")
    nodes = [node for node in chosen(session, values.get("nodes") or [], values.get("nodegroup")) if not node.is_master]
    import asyncio  # noqa: PLC0415 - slow to import

    from ganeti.cli.remote import copy_everywhere  # noqa: PLC0415 - likewise

    failed = []

    def told(node: Reached, problem: str) -> None:
        session.warn(f"Copy of file {path} to node {node.name} failed: {problem}")
        failed.append(node)

    try:
        asyncio.run(copy_everywhere(nodes, path, apart=bool(values.get("use_replication_network")), told=told))
    except (OSError, KeyError) as error:  # the latter if the owner's UID has no name
        why = reason(error) if isinstance(error, OSError) else "its owner or group has no name on this machine"
        raise WrongInput(f"{path} cannot be copied: {why}") from None
    return EXIT_FAILURE if failed else 0


COPYFILE = Local(
    Command(
        "gnt-cluster",
        "copyfile",
        (Argument("file", "File to copy, to the same place on the nodes"),),
        (
            NODES,
            GROUP,
            Option(("--use-replication-network",), "Copy it over the nodes' secondary addresses", kind="flag"),
        ),
        usage="[-n <node>...] <file>",
    ),
    "Copy a file to all other nodes over SSH, with its owner and its mode. What was there before is replaced at once.",
    _copyfile,
)


def _restricted(session: Session, values: dict[str, Any]) -> int:
    nodes = [node.name for node in chosen(session, values["names"], values.get("nodegroup"))]
    asked = {"command": values["command"], "nodes": nodes, "use_locking": bool(values.get("use_locking"))}
    results = follow.run(session, "OP_RESTRICTED_COMMAND", asked)
    if results is None:
        return 0
    for name, (succeeded, told) in zip(nodes, results[0], strict=True):
        if succeeded:
            _print(session, name, told, "Node")
        else:
            session.say(f"{_RULE}\n{told}")
    return 0 if all(succeeded for succeeded, _ in results[0]) else EXIT_FAILURE


RESTRICTED_COMMAND = Local(
    Command(
        "gnt-node",
        "restricted-command",
        (
            Argument("command", "Name of the command"),
            Argument("names", "Names of the nodes; all if none is named", "*", completes="node"),
        ),
        (
            Option(("--sync",), "Run it on each node while no other job works there", kind="flag", name="use_locking"),
            _MACHINE_NAMES,
            GROUP,
        ),
        usage="<command> [<node-name>...]",
    ),
    "Run a command on nodes that they allow in /etc/ganeti/restricted-commands. It needs no SSH.",
    _restricted,
    job=True,
)
