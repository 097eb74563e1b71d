# SPDX-License-Identifier: BSD-2-Clause
"""Which instances a command works on (gnt-instance(8), "startup")."""

from __future__ import annotations

from typing import Any

from ganeti.cli.names import full_names
from ganeti.cli.session import Session
from ganeti.declare.command import Option
from ganeti.errors import UnknownEntity, WrongInput

_MODES = {
    "instances": ("--instance", "Arguments are names of instances (the default)"),
    "nodes": ("--node", "Arguments are nodes: select their primary and secondary instances"),
    "nodes-pri": ("--primary", "Arguments are nodes: select their primary instances"),
    "nodes-sec": ("--secondary", "Arguments are nodes: select their secondary instances"),
    "nodes-by-tags": ("--node-tags", "Arguments are node tags: select primary and secondary instances"),
    "nodes-pri-by-tags": ("--pri-node-tags", "Arguments are node tags: select primary instances"),
    "nodes-sec-by-tags": ("--sec-node-tags", "Arguments are node tags: select secondary instances"),
    "instances-by-tags": ("--tags", "Arguments are tags of instances"),
    "cluster": ("--all", "Select all instances of the cluster"),
}
# Of those that are forthcoming there is nothing to work on; who names one is told so.
_EXISTING: list[Any] = ["!", ["?", "forthcoming"]]
OPTIONS = (
    *(Option((flag,), told, kind="flag", name="multi_mode", const=mode) for mode, (flag, told) in _MODES.items()),
    Option(
        ("--force-multiple",),
        "Do not ask for confirmation when several instances are selected",
        kind="flag",
        name="force_multiple",
    ),
)


def chosen(session: Session, mode: str, words: list[str]) -> list[str]:
    """The names of the instances. Raises WrongInput if nothing is named, UnknownEntity if nothing matches."""
    if mode == "cluster":
        if words:
            raise WrongInput("--all cannot be combined with names")
        condition = _EXISTING
    elif not words:
        raise WrongInput("No instances given; give names, or --all, --node, --tags ... (see --help)")
    elif mode == "instances":
        return full_names(session, "instance", words)
    else:
        condition = ["&", _EXISTING, _condition(session, mode, words)]
    found = [row[0] for row in session.query("instance", ["name"], condition)]
    if not found:
        raise UnknownEntity("Selection filter does not match any instances")
    return found


def _condition(session: Session, mode: str, words: list[str]) -> Any:
    if mode == "instances-by-tags":
        return ["|", *(["=[]", "tags", tag] for tag in words)]
    if mode.endswith("-by-tags"):
        tagged = ["|", *(["=[]", "tags", tag] for tag in words)]
        nodes = [row[0] for row in session.query("node", ["name"], tagged)]
    else:
        nodes = full_names(session, "node", words)
    primary = ["|", *(["=", "pnode", node] for node in nodes)]
    secondary = ["|", *(["=[]", "snodes", node] for node in nodes)]
    if "pri" in mode:
        return primary
    return secondary if "sec" in mode else ["|", primary, secondary]
