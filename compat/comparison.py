# SPDX-License-Identifier: BSD-2-Clause
"""Each fact of Ganeti's interfaces, and what there is of it here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from msgspec import Struct

from compat.exceptions import reason_for
from compat.facts import FACTS
from ganeti.api.openapi import describe
from ganeti.cli.commands import ALIASES, COMMANDS, find
from ganeti.cli.runnable import options_of
from ganeti.declare.parameter import Parameter, parameters_of
from ganeti.model.parameters.backend import BackendParameters
from ganeti.model.parameters.disk import DISK_PARAMETERS
from ganeti.model.parameters.hypervisor import HYPERVISOR_PARAMETERS
from ganeti.model.parameters.network import NicParameters
from ganeti.model.parameters.node import NodeParameters
from ganeti.operations import OPERATIONS
from ganeti.operations import find as find_operation
from ganeti.query.cluster import CLUSTER
from ganeti.query.column import Columns
from ganeti.query.export import EXPORTS
from ganeti.query.extstorage import STORAGE_PROVIDERS
from ganeti.query.group import GROUPS
from ganeti.query.instance import INSTANCES
from ganeti.query.job import JOBS
from ganeti.query.job_filter import FILTERS
from ganeti.query.lock import LOCKS
from ganeti.query.network import NETWORKS
from ganeti.query.node import NODES
from ganeti.query.os import PROVIDERS

LISTS: Mapping[str, Columns[Any]] = {
    "instance": INSTANCES,
    "node": NODES,
    "group": GROUPS,
    "network": NETWORKS,
    "job": JOBS,
    "os": PROVIDERS,
    "extstorage": STORAGE_PROVIDERS,
    "lock": LOCKS,
    "filter": FILTERS,
    "cluster": CLUSTER,
    "export": EXPORTS,
}
PARAMETERS: Mapping[str, type[Struct]] = {
    "beparams": BackendParameters,
    "nicparams": NicParameters,
    "ndparams": NodeParameters,
    **{f"hvparams {name}": cls for name, cls in HYPERVISOR_PARAMETERS.items()},
    **{f"diskparams_dt {name}": cls for name, cls in DISK_PARAMETERS.items()},
}


class Found(StrEnum):
    """``REFUSED``: it is known, and refused with a reason wherever it is given."""

    THERE = "there"
    REFUSED = "refused"
    DIFFERENT = "different"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Comparison:
    """``fact``: what of Ganeti, in words to search for. ``whole``: what it belongs to is missing altogether."""

    file: str
    fact: str
    found: Found
    told: str = ""
    whole: bool = False

    @property
    def reason(self) -> str:
        """Why it is otherwise on purpose; empty if it should not be."""
        return "" if self.found is Found.THERE else reason_for(self.file, self.fact)


def compared() -> list[Comparison]:
    return [*_commands(), *_operations(), *_resources(), *_lists(), *_parameters(), *_hooks()]


def _commands() -> Iterator[Comparison]:
    for script, fact in FACTS["cli"].items():
        for name, command in fact["commands"].items():
            yield from _command(script, name, command["flags"])
        for alias, name in fact["aliases"].items():
            there = ALIASES.get(script, {}).get(alias) == name
            yield Comparison("cli", f"{script} {alias}", _there(there), whole=not there)


def _command(script: str, name: str, flags: Iterable[str]) -> Iterator[Comparison]:
    runnable = find(script, name) if name in COMMANDS.get(script, {}) else None
    there = runnable is not None
    yield Comparison("cli", f"{script} {name}", _there(there), whole=not there)
    options = options_of(runnable) if runnable else ()
    ours = {flag: Found.REFUSED if option.hidden else Found.THERE for option in options for flag in option.flags}
    for flag in flags:
        yield Comparison("cli", f"{script} {name} {flag}", ours.get(flag, Found.MISSING), whole=not there)


def _operations() -> Iterator[Comparison]:
    for wire_name, fact in FACTS["opcodes"].items():
        there = wire_name in OPERATIONS
        yield Comparison("opcodes", wire_name, _there(there), whole=not there)
        operation = find_operation(wire_name) if there else None
        if operation and operation.subject != fact["subject"]:
            yield Comparison("opcodes", wire_name, Found.DIFFERENT, f"jobs are named by {operation.subject}")
        ours = operation.parameters() if operation else {}
        for name, parameter in fact["parameters"].items():
            yield _parameter("opcodes", f"{wire_name} {name}", parameter, ours.get(name), whole=not there)


def _parameter(
    file: str, fact: str, theirs: Mapping[str, Any], ours: Parameter | None, *, whole: bool = False
) -> Comparison:
    if ours is None:
        return Comparison(file, fact, Found.MISSING, whole=whole)
    required, default = theirs.get("required", False), _plain(ours.default)
    if ours.required != required:
        return Comparison(file, fact, Found.DIFFERENT, "is required" if ours.required else "is not required")
    if not required and default != theirs["default"]:
        return Comparison(file, fact, Found.DIFFERENT, f"default {default!r}, not {theirs['default']!r}")
    return Comparison(file, fact, Found.REFUSED if ours.unsupported is True else Found.THERE)


def _resources() -> Iterator[Comparison]:
    ours = {(_nameless(path), method.upper()) for path, methods in describe()["paths"].items() for method in methods}
    for path, methods in FACTS["rapi"].items():
        known = any(other == _nameless(path) for other, _ in ours)
        for method in methods:
            there = (_nameless(path), method) in ours
            yield Comparison("rapi", f"{method} {path}", _there(there), whole=not known)


def _lists() -> Iterator[Comparison]:
    for kind, fields in FACTS["fields"].items():
        columns = LISTS.get(kind)
        ours = {field.name: [field.title, str(field.kind)] for field in columns.fields()} if columns else {}
        for name, fact in fields.items():
            if name not in ours:
                yield Comparison("fields", f"{kind} {name}", Found.MISSING, whole=columns is None)
            elif ours[name] != fact:
                yield Comparison("fields", f"{kind} {name}", Found.DIFFERENT, f"is {ours[name]}, not {fact}")
            else:
                yield Comparison("fields", f"{kind} {name}", Found.THERE)


def _parameters() -> Iterator[Comparison]:
    for table, facts in _tables():
        cls = PARAMETERS.get(table)
        ours = parameters_of(cls) if cls else {}
        for name, fact in facts.items():
            yield _parameter("params", f"{table} {name}", fact, ours.get(name), whole=cls is None)


def _tables() -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, facts in FACTS["params"].items():
        if name in ("hvparams", "diskparams_dt"):
            yield from ((f"{name} {kind}", inner) for kind, inner in facts.items())
        elif name != "ipolicy":  # its values depend on the cluster
            yield name, facts


def _hooks() -> Iterator[Comparison]:
    for wire_name, fact in FACTS["hooks"].items():
        hook = find_operation(wire_name).hook if wire_name in OPERATIONS else None
        if hook is None:
            yield Comparison("hooks", f"{wire_name} {fact['path']}", Found.MISSING, whole=wire_name not in OPERATIONS)
        else:
            same = hook.path == fact["path"]
            told = "" if same else f"is {hook.path}"
            yield Comparison("hooks", f"{wire_name} {fact['path']}", _there(same, Found.DIFFERENT), told)


def _there(there: bool, otherwise: Found = Found.MISSING) -> Found:
    return Found.THERE if there else otherwise


def _nameless(path: str) -> str:
    return re.sub(r"\{\w+\}", "{}", path)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
