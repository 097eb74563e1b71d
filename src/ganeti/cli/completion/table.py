# SPDX-License-Identifier: BSD-2-Clause
"""The table of all completions, derived from the declarations of the commands.

A command is ``{"options": {flag: values}, "arguments": [values, ...], "endless": bool, "turned": {flag: values}}``.
``values`` is None for a flag that takes none, else an object that may have

- ``words``: possible words; one that ends in ``=`` is incomplete;
- ``names``: the kind of object whose names are possible, see ``known``;
- ``separator``: what separates several of them;
- ``behind``: by the text before a colon (empty: any), the possible words after it.

``endless``: the last argument may be repeated. ``turned``: flags that give the arguments another meaning.
A script has ``commands`` and ``aliases``, or is a command itself. ``told`` is what a command does, for the overview of
its script.
"""

from __future__ import annotations

import json
import re
from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from ganeti.cli.commands import ALIASES, COMMANDS, find
from ganeti.cli.htools import hail, harep, hbal_options, hcheck, hinfo, hroller, hscan, hspace, hsqueeze
from ganeti.cli.move_instance import main as move_instance
from ganeti.cli.runnable import Runnable, help_of, options_of
from ganeti.declare.command import Argument, Option
from ganeti.declare.parameter import parameters_of
from ganeti.model.parameters.backend import BackendParameters
from ganeti.model.parameters.disk import DISK_PARAMETERS
from ganeti.model.parameters.hypervisor import HYPERVISOR_PARAMETERS
from ganeti.model.parameters.network import NicParameters
from ganeti.model.parameters.node import NodeParameters
from ganeti.model.parameters.policy import Spec
from ganeti.model.template import TEMPLATES
from ganeti.operations.instance.disks import DiskRequest
from ganeti.operations.instance.nics import NicRequest
from ganeti.query.export import EXPORTS
from ganeti.query.group import GROUPS
from ganeti.query.instance import INSTANCES
from ganeti.query.job import JOBS
from ganeti.query.job_filter import FILTERS
from ganeti.query.lock import LOCKS
from ganeti.query.network import NETWORKS
from ganeti.query.node import NODES
from ganeti.query.storage import STORAGE
from ganeti.query.volume import VOLUMES

Values = dict[str, Any]

_COLUMNS = {
    "instance": INSTANCES.by_name,
    "node": NODES.by_name,
    "group": GROUPS.by_name,
    "network": NETWORKS.by_name,
    "job": JOBS.by_name,
    "lock": LOCKS.by_name,
    "filter": FILTERS.by_name,
    "export": EXPORTS.by_name,
    "volume": VOLUMES.by_name,
    "storage": STORAGE.by_name,
}
# Scripts without sub-commands, with the function that creates their parser.
_PROGRAMS: dict[str, Callable[[], ArgumentParser]] = {
    "hail": hail.command_line,
    "harep": harep.command_line,
    "hbal": hbal_options.command_line,
    "hcheck": hcheck.command_line,
    "hinfo": hinfo.command_line,
    "hroller": hroller.command_line,
    "hscan": hscan.command_line,
    "hspace": hspace.command_line,
    "hsqueeze": hsqueeze.command_line,
    "move-instance": move_instance.command_line,
}
# Of columns such as disk.size/0, only the first of each is offered.
_FURTHER = re.compile(r"/[1-9][0-9]*$")
# The arguments when one of the selection flags is given; tags are not completed.
_TURNED = {"nodes": "node", "nodes-pri": "node", "nodes-sec": "node", "instances": "instance"}


def derive() -> str:
    """The text of ``table.json``."""
    table: dict[str, Values] = {
        script: {
            "aliases": ALIASES[script],
            "commands": {name: _command(_found(script, name)) for name in names},
        }
        for script, names in COMMANDS.items()
    }
    table |= {script: _program(parser()) for script, parser in _PROGRAMS.items()}
    return json.dumps(table, indent=1, sort_keys=True) + "\n"


def _found(script: str, name: str) -> Runnable:
    runnable = find(script, name)
    assert runnable is not None  # noqa: S101 - it is in the table
    return runnable


def _command(runnable: Runnable) -> Values:
    declared, options = runnable.command, options_of(runnable)
    entry: Values = {
        "options": {flag: _option(option) for option in options if not option.hidden for flag in option.flags},
        "arguments": [_argument(argument) for argument in declared.arguments],
        "told": help_of(runnable).split(". ")[0].rstrip("."),
    }
    if declared.per_instance:
        entry |= {"arguments": [{"names": "instance"}], "endless": True, "turned": _turned(options)}
    elif any(argument.count in ("*", "+") for argument in declared.arguments):
        entry["endless"] = True
    return entry


def _program(parser: ArgumentParser) -> Values:
    """A command from argparse's own declarations; an optional value needs ``=``."""
    entry: Values = {"options": {}, "arguments": []}
    for action in parser._actions:
        words: Values = {"words": [str(choice) for choice in action.choices]} if action.choices else {}
        found = words or ({"names": "file"} if "FILE" in str(action.metavar or action.dest).upper() else {})
        if not action.option_strings:
            entry["arguments"].append(found)
        for flag in action.option_strings:
            entry["options"][flag] = None if action.nargs in (0, "?") else found
    return entry


def _turned(options: tuple[Option, ...]) -> Values:
    modes = {flag: option.const for option in options for flag in option.flags if option.dest == "multi_mode"}
    return {flag: {"names": _TURNED[mode]} if mode in _TURNED else {} for flag, mode in modes.items()}


def _argument(argument: Argument) -> Values:
    return {"words": list(argument.choices)} if argument.choices else values(argument.completes)


def _option(option: Option) -> Values | None:
    if option.kind in ("flag", "no-flag", "count"):
        return None
    if option.kind == "bool":
        return {"words": ["yes", "no"]}
    if option.choices:
        return {"words": list(option.choices)}
    found = values(option.completes)
    return found | {"separator": ":"} if option.metavar == "NODE[:NODE]" else found


def values(completes: str | None) -> Values:
    """The values that the ``completes`` of a declaration means."""
    if completes is None:
        return {}
    kind, _, of = completes.partition(" of ")
    if kind == "columns":
        words = [name for name in sorted(_COLUMNS[of]) if not _FURTHER.search(name)]
        return {"words": words, "separator": ","}
    return _LISTS.get(completes) or {"names": completes}


def _keys(parameters: type[Struct]) -> Values:
    """The keys of the supported parameters whose value is not itself a dictionary."""
    declared = [one for one in parameters_of(parameters).values() if one.supported and one.kind is not dict]
    return {"words": sorted(f"{parameter.name}=" for parameter in declared), "separator": ","}


def _behind(parameters: Mapping[str, type[Struct]]) -> Values:
    words = {ident: _keys(struct)["words"] for ident, struct in parameters.items()}
    return {"behind": words, "separator": ","}


_LISTS: dict[str, Values] = {
    "hypervisor": {"words": list(HYPERVISOR_PARAMETERS), "separator": ","},
    "disk template": {"words": sorted(TEMPLATES), "separator": ","},
    "backend parameter": _keys(BackendParameters),
    "node parameter": _keys(NodeParameters),
    "NIC parameter": _keys(NicParameters),
    "instance specification": _keys(Spec),
    "hypervisor parameter": _behind(HYPERVISOR_PARAMETERS),
    "disk parameter": _behind(DISK_PARAMETERS),
    "disk": _behind({"": DiskRequest}),
    "network card": _behind({"": NicRequest}),
}
