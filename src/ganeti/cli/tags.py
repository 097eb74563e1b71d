# SPDX-License-Identifier: BSD-2-Clause
"""``list-tags``, ``add-tags``, ``remove-tags`` of every script, and ``gnt-cluster search-tags``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from ganeti.cli import follow
from ganeti.cli.options import NO_JOB
from ganeti.cli.runnable import Local
from ganeti.cli.session import Session
from ganeti.declare.command import Argument, Command, Option
from ganeti.errors import EXIT_FAILURE, CommandLineError
from ganeti.luxi.protocol import Method

_TAGS = Argument("tags", "Tags", "*")
_FROM = Option(
    ("--from",), "Read more tags from a file, one per line; '-' for standard input", metavar="FILE", name="file"
)
_PATTERN = Argument("pattern", "Regular expression to search for in tags")


def _lister(script: str, kind: str) -> Local:
    def run(session: Session, values: dict[str, Any]) -> int:
        for tag in session.client.call(Method.QUERY_TAGS, kind, values.get("name") or ""):
            session.say(tag)
        return 0

    arguments, usage = _whose(kind)
    return Local(Command(script, "list-tags", arguments, usage=usage), f"List the tags of {_articled(kind)}.", run)


def _changer(script: str, name: str, kind: str, operation: str) -> Local:
    verb = name.removesuffix("-tags")

    def run(session: Session, values: dict[str, Any]) -> int:
        tags = [*values.get("tags", ()), *_from_file(values.get("file"))]
        if not tags:
            raise CommandLineError(f"There are no tags to {verb}; give some, or a file with --from")
        parameters = {"kind": kind, "tags": tags}
        follow.run(session, operation, parameters | ({"name": values["name"]} if "name" in values else {}))
        return 0

    arguments, usage = _whose(kind)
    command = Command(script, name, (*arguments, _TAGS), (_FROM,), usage=f"{usage} <tag>...".strip())
    words = f"{'Add tags to' if verb == 'add' else 'Remove tags from'} {_articled(kind)}."
    return Local(command, words, run, job=True)


def _whose(kind: str) -> tuple[tuple[Argument, ...], str]:
    """The argument that names the object, and how the usage shows it."""
    if kind == "cluster":
        return (), ""
    return (Argument("name", f"Name of the {kind}", completes=kind),), f"<{kind}-name>"


def _articled(kind: str) -> str:
    return {"cluster": "the cluster", "instance": "an instance"}.get(kind, f"a {kind}")


def _from_file(path: str | None) -> list[str]:
    if path is None:
        return []
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text()
    except OSError as error:
        raise CommandLineError(f"Option '--from': cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CommandLineError(f"Option '--from': {path} is not a text file") from None
    return [line.strip() for line in text.splitlines() if line.strip()]


def _search(session: Session, values: dict[str, Any]) -> int:
    found = session.read("OP_TAGS_SEARCH", pattern=values["pattern"])
    for path, tag in found:
        session.say(f"{path} {tag}")
    return 0 if found else EXIT_FAILURE


def _add(script: str, kind: str) -> Local:
    return _changer(script, "add-tags", kind, "OP_TAGS_SET")


def _remove(script: str, kind: str) -> Local:
    return _changer(script, "remove-tags", kind, "OP_TAGS_DEL")


LIST_OF_CLUSTER, ADD_TO_CLUSTER, REMOVE_FROM_CLUSTER = (
    make("gnt-cluster", "cluster") for make in (_lister, _add, _remove)
)
LIST_OF_NODE, ADD_TO_NODE, REMOVE_FROM_NODE = (make("gnt-node", "node") for make in (_lister, _add, _remove))
LIST_OF_INSTANCE, ADD_TO_INSTANCE, REMOVE_FROM_INSTANCE = (
    make("gnt-instance", "instance") for make in (_lister, _add, _remove)
)
SEARCH = Local(
    Command("gnt-cluster", "search-tags", (_PATTERN,), (NO_JOB,), usage="<pattern>"),
    "Search for tags that match a regular expression. The exit status is 1 if none does.",
    _search,
)
