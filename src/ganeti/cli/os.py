# SPDX-License-Identifier: BSD-2-Clause
"""``gnt-os``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganeti.cli import tree
from ganeti.cli.listing import HEADERS
from ganeti.cli.options import PREVIEW
from ganeti.cli.runnable import Local
from ganeti.cli.session import Session
from ganeti.cli.tree import Pairs
from ganeti.declare.command import NO_JOB, Argument, Command, Option
from ganeti.errors import EXIT_FAILURE, UnknownEntity, WrongInput

_FIELDS = ["name", "valid", "variants", "parameters", "api_versions", "hidden", "blacklisted", "trusted", "node_status"]


def _providers(session: Session, names: list[str]) -> list[dict[str, Any]]:
    rows = session.read("OP_OS_DIAGNOSE", output_fields=_FIELDS, names=names)
    return [dict(zip(_FIELDS, row, strict=True)) for row in rows]


def offered(session: Session) -> list[str]:
    """The operating systems that can be installed on every node, with their variants."""
    return [
        f"{provider['name']}+{variant}" if variant else provider["name"]
        for provider in _providers(session, [])
        if provider["valid"] and not provider["hidden"] and not provider["blacklisted"]
        for variant in provider["variants"] or [""]
    ]


def _list(session: Session, values: dict[str, Any]) -> int:
    lines = [*([] if values.get("no_headers") else ["Name"]), *offered(session)]
    if lines:
        session.say("\n".join(lines))
    return 0


LIST = Local(
    Command("gnt-os", "list", options=(HEADERS, NO_JOB)),
    "List the operating systems that can be installed on every node.",
    _list,
)


def _info(session: Session, values: dict[str, Any]) -> int:
    names = values.get("names") or []
    found = _providers(session, names)
    missing = [name for name in names if name not in {provider["name"] for provider in found}]
    if missing:
        raise UnknownEntity(f"OS '{missing[0]}' not known")
    for provider in found:
        session.say(f"{provider['name']}:")
        session.say("\n".join(tree.render(_description(provider), 1)) + "\n")
    return 0


def _description(provider: dict[str, Any]) -> list[Pairs]:
    return [
        Pairs(("valid", provider["valid"])),
        Pairs(("hidden", provider["hidden"])),
        Pairs(("blacklisted", provider["blacklisted"])),
        Pairs(("API versions", provider["api_versions"])),
        Pairs(("variants", provider["variants"])),
        Pairs(("parameters", [f"{name}: {told}" for name, told in provider["parameters"]])),
        Pairs(("trusted", provider["trusted"])),
    ]


INFO = Local(
    Command(
        "gnt-os",
        "info",
        (Argument("names", "Names of the operating systems", "*", completes="os"),),
        (NO_JOB,),
        usage="[<os>...]",
    ),
    "Show the variants and parameters of operating systems.",
    _info,
)


def _diagnose(session: Session, values: dict[str, Any]) -> int:
    del values
    good = True
    for provider in _providers(session, []):
        status = "valid" if provider["valid"] else "invalid"
        session.say(f"OS: {provider['name']} [global status: {status}]")
        if provider["variants"]:
            session.say(f"  Variants: [{', '.join(provider['variants'])}]")
        for node, found in sorted(provider["node_status"].items()):
            session.say(f"  Node: {node}, {_on_node(found)}")
        session.say()
        good = good and provider["valid"]
    return 0 if good else EXIT_FAILURE


def _on_node(found: list[list[Any]]) -> str:
    """What a node has of a provider: the one that is used, then those that it hides."""
    if not found:
        return "status: missing"
    (path, valid, problem, variants, parameters, versions), *hidden = found
    told = f"status: {'valid' if valid else problem} (path: {path})"
    told += f" [API versions: {', '.join(map(str, versions))}]"
    if variants:
        told += f" [variants: {', '.join(variants)}]"
    if parameters:
        told += f" [parameters: {', '.join(name for name, _ in parameters)}]"
    return told + "".join(f"\n    [hidden] path: {one[0]}" for one in hidden)


DIAGNOSE = Local(
    Command("gnt-os", "diagnose", options=(NO_JOB,)),
    "Show which nodes have which operating systems, and what is wrong with them.",
    _diagnose,
)


def _modify(session: Session, values: dict[str, Any]) -> int:
    from ganeti.cli import follow  # noqa: PLC0415 - the others submit no job

    follow.run(
        session, "OP_CLUSTER_SET_PARAMS", {**_changes(values["os"], values), "dry_run": bool(values.get("dry_run"))}
    )
    return 0


def _changes(os: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of the operation, which is on the cluster. Raises WrongInput if nothing is to be changed."""
    hypervisors: dict[str, dict[str, Any]] = {}
    for kind, given in values.get("hvparams") or ():
        hypervisors.setdefault(kind, {}).update(given)
    changes: dict[str, Any] = {}
    if hypervisors:
        changes["os_hvp"] = {os: hypervisors}
    if values.get("osparams"):
        changes["osparams"] = {os: values["osparams"]}
    if values.get("osparams_private"):
        changes["osparams_private_cluster"] = {os: values["osparams_private"]}
    for name in ("hidden", "blacklisted"):
        if values.get(name) is not None:
            changes[f"{name}_os"] = [("add" if values[name] else "remove", os)]
    if not changes:
        raise WrongInput("Nothing to change; 'gnt-os modify --help' lists what can be")
    return changes


MODIFY = Local(
    Command(
        "gnt-os",
        "modify",
        (Argument("os", "Name of the operating system, with or without a variant", completes="os"),),
        (
            Option(
                ("-H", "--hypervisor-parameters"),
                "Parameters of a hypervisor for its instances; may be repeated",
                kind="identkeyval",
                name="hvparams",
                metavar="HYPERVISOR:KEY=VALUE,...",
                completes="hypervisor parameter",
                repeat=True,
            ),
            Option(("-O", "--os-parameters"), "OS parameters", kind="keyval", name="osparams", metavar="KEY=VALUE,..."),
            Option(
                ("--os-parameters-private",),
                "OS parameters that are shown nowhere",
                kind="keyval",
                name="osparams_private",
                metavar="KEY=VALUE,...",
            ),
            Option(("--hidden",), "Whether it is hidden from lists of operating systems", kind="bool"),
            Option(("--blacklisted",), "Whether it is blacklisted: not available for new instances", kind="bool"),
            PREVIEW,
        ),
        usage="[<opts>...] <os>",
    ),
    "Modify an operating system: its parameters in this cluster, and whether it is hidden or blacklisted.",
    _modify,
    job=True,
)
