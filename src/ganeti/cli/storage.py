# SPDX-License-Identifier: BSD-2-Clause
"""``gnt-storage``."""

from __future__ import annotations

from typing import Any

from ganeti.cli import tree
from ganeti.cli.runnable import Local
from ganeti.cli.session import Session
from ganeti.cli.tree import Pairs
from ganeti.declare.command import NO_JOB, Argument, Command
from ganeti.errors import EXIT_FAILURE, UnknownEntity

_FIELDS = ["name", "node_status", "nodegroup_status", "parameters"]


def _providers(session: Session, names: list[str]) -> list[dict[str, Any]]:
    rows = session.read("OP_EXT_STORAGE_DIAGNOSE", output_fields=_FIELDS, names=names)
    found = [dict(zip(_FIELDS, row, strict=True)) for row in rows]
    missing = sorted(set(names) - {provider["name"] for provider in found})
    if missing:
        raise UnknownEntity(f"No node has a storage provider '{missing[0]}'; 'gnt-storage diagnose' names all")
    return found


def _diagnose(session: Session, values: dict[str, Any]) -> int:
    del values
    good = True
    for provider in _providers(session, []):
        groups = provider["nodegroup_status"]
        session.say(f"Provider: {provider['name']}")
        for node, found in sorted(provider["node_status"].items()):
            session.say(f"  Node: {node}, {_on_node(found)}")
        for group, usable in sorted(groups.items()):
            session.say(f"  Node group: {group}, status: {'valid' if usable else 'invalid'}")
        session.say()
        good = good and all(groups.values())
    return 0 if good else EXIT_FAILURE


def _on_node(found: list[list[Any]]) -> str:
    """What a node has of a provider: the one that is used, then those that it hides."""
    if not found:
        return "status: missing"
    (path, valid, problem, parameters), *hidden = found
    told = f"status: {'valid' if valid else problem} (path: {path})"
    if parameters:
        told += f" [parameters: {', '.join(name for name, _ in parameters)}]"
    return told + "".join(f"\n    [hidden] path: {one[0]}" for one in hidden)


DIAGNOSE = Local(
    Command("gnt-storage", "diagnose", options=(NO_JOB,)),
    "Show which nodes have which providers of external storage, and what is wrong with them.",
    _diagnose,
)


def _info(session: Session, values: dict[str, Any]) -> int:
    for provider in _providers(session, values.get("names") or []):
        session.say("\n".join(tree.render({provider["name"]: _description(provider)})) + "\n")
    return 0


def _description(provider: dict[str, Any]) -> Pairs:
    groups = provider["nodegroup_status"]
    return Pairs(
        ("valid for node groups", sorted(group for group, usable in groups.items() if usable)),
        ("parameters", Pairs(*((name, told) for name, told in provider["parameters"]))),
    )


INFO = Local(
    Command(
        "gnt-storage",
        "info",
        (Argument("names", "Names of storage providers", "*", completes="storage provider"),),
        (NO_JOB,),
        usage="[<provider>...]",
    ),
    "Show the node groups that can use a provider of external storage, and its parameters.",
    _info,
)
