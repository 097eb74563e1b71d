# SPDX-License-Identifier: BSD-2-Clause
"""Reference pages of declarations other than commands: operations, and the parameters of guests and nodes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from ganeti.declare.operation import COMMON_PARAMETERS, Operation
from ganeti.declare.parameter import Parameter, parameters_of
from ganeti.jobs.operation import JobOperation
from ganeti.model.parameters.backend import BackendParameters
from ganeti.model.parameters.disk import DISK_PARAMETERS
from ganeti.model.parameters.hypervisor import CLUSTER_WIDE, HYPERVISOR_PARAMETERS
from ganeti.model.parameters.network import NicParameters
from ganeti.model.parameters.node import NodeParameters
from ganeti.model.parameters.policy import Spec
from ganeti.operations import all_operations

_WORDS: Mapping[Any, str] = {
    "size": "size",
    bool: "yes/no",
    int: "whole number",
    float: "number",
    str: "text",
    dict: "object",
    list: "list",
    tuple: "list",
}


def operations() -> str:
    """The page of all operations, in Markdown."""
    lines = [
        "# Operations",
        "",
        "What the cluster can do, by the names that jobs, hooks and the remote API know.",
        "Sizes are MiB, times are seconds. A parameter without a default must be given.",
        "",
        "## Parameters of every operation",
        "",
        *_table(parameters_of(Operation).values()),
        "",
    ]
    for operation in all_operations():
        lines += [*_operation(operation), ""]
    return "\n".join(lines)


def _operation(operation: type[JobOperation[Any]]) -> Iterator[str]:
    yield f"## {operation.wire_name()}"
    yield ""
    yield " ".join((operation.__doc__ or "").split()).replace("``", "`")
    yield ""
    for title, ways in (
        ("Command", [f"{command.script} {command.name}" for command in operation.commands]),
        ("Remote API", [f"{route.method} /2{route.path}" for route in operation.routes]),
    ):
        if ways:
            yield f"- {title}: {', '.join(f'`{way}`' for way in ways)}"
    yield f"- Takes the permission: {operation.role}"
    if operation.hook:
        yield f"- Hooks: `{operation.hook.path}`{'' if operation.hook.refusable else ' (after it only)'}"
    own = [p for name, p in operation.parameters().items() if p.supported and name not in COMMON_PARAMETERS]
    if own:
        yield ""
        yield from _table(own)


def parameters() -> str:
    """The page of the parameters that cluster, nodes and instances have, in Markdown."""
    lines = [
        "# Parameters",
        "",
        "What can be set for the whole cluster, and for one instance or node. Sizes are",
        "MiB. The default is the software's; `gnt-cluster info` shows the cluster's.",
        "",
    ]
    for title, parameters in _sets():
        lines += [f"## {title}", "", *_table(parameters_of(parameters).values()), ""]
    wide = ", ".join(f"`{name}`" for name in sorted(CLUSTER_WIDE))
    return "\n".join([*lines, f"Of the hypervisors' parameters, {wide} can be set for the whole cluster only.", ""])


def _sets() -> Iterator[tuple[str, type[Struct]]]:
    yield "Backend: whatever the hypervisor is (`-B`)", BackendParameters
    for name, parameters in HYPERVISOR_PARAMETERS.items():
        yield f"Hypervisor {name} (`-H {name}:...`)", parameters
    yield "Network cards (`-N`, `--net`)", NicParameters
    yield "Nodes (`--node-parameters`)", NodeParameters
    for name, parameters in DISK_PARAMETERS.items():
        if parameters_of(parameters):
            yield f"Disk template {name} (`-D {name}:...`)", parameters
    yield "Size of an instance, in instance policies", Spec


def _table(parameters: Iterable[Parameter]) -> Iterator[str]:
    yield "| parameter | values | default | meaning |"
    yield "| --- | --- | --- | --- |"
    for parameter in parameters:
        cells = (f"`{parameter.name}`", _values(parameter), _default(parameter), parameter.help)
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _values(parameter: Parameter) -> str:
    if parameter.choices:
        choices = ", ".join(f"`{choice}`" if choice != "" else "nothing" for choice in parameter.choices)
        return f"list of {choices}" if parameter.kind in (list, tuple) else choices
    return _WORDS.get(parameter.kind, "anything")


def _default(parameter: Parameter) -> str:
    if parameter.required:
        return ""
    if parameter.default is None:
        return "none"
    return f"`{json.dumps(parameter.default)}`" if parameter.default != "" else "nothing"
