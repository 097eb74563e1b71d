# SPDX-License-Identifier: BSD-2-Clause
"""The columns of OS providers, as ``gnt-os diagnose`` and the remote API show them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ganeti.declare.field import BOOL, OTHER, TEXT
from ganeti.model.state import State
from ganeti.query.column import Column, Columns, column


class Provider(Protocol):
    """A provider as one node has it."""

    @property
    def problem(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def variants(self) -> tuple[str, ...]: ...
    @property
    def parameters(self) -> dict[str, str]: ...
    @property
    def api_versions(self) -> tuple[int, ...]: ...
    @property
    def trusted(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class OsRow:
    """``on_nodes``: by node name, the providers found there, the first of which counts."""

    name: str
    state: State
    on_nodes: Mapping[str, tuple[Provider, ...]]

    @property
    def first(self) -> Provider | None:
        return next((found[0] for found in self.on_nodes.values() if found), None)

    @property
    def valid(self) -> bool:
        """Usable on every node, with a variant or parameter in common."""
        return bool(self.on_nodes) and all(found and not found[0].problem for found in self.on_nodes.values())

    def common(self, what: str) -> list[Any]:
        """Variants, parameters or API versions that all nodes have."""
        values = [set(_items(getattr(found[0], what))) for found in self.on_nodes.values() if found]
        return sorted(set.intersection(*values)) if values else []


def _items(value: Any) -> Any:
    return value.items() if isinstance(value, Mapping) else value


def _node_status(row: OsRow) -> dict[str, list[list[Any]]]:
    return {
        node: [
            [
                o.path,
                not o.problem,
                o.problem,
                list(o.variants),
                list(o.parameters.items()),
                list(o.api_versions),
            ]
            for o in found
        ]
        for node, found in row.on_nodes.items()
    }


_COLUMNS: list[Column[OsRow]] = [
    column("name", "Name", TEXT, "Name of the operating system", lambda row: row.name),
    column("valid", "Valid", BOOL, "Whether it can be used on every node", lambda row: row.valid),
    column(
        "hidden",
        "Hidden",
        BOOL,
        "Whether it is hidden in lists",
        lambda row: row.name in row.state.cluster.hidden_os,
    ),
    column(
        "blacklisted",
        "Blacklisted",
        BOOL,
        "Whether it is blacklisted: cannot be installed",
        lambda row: row.name in row.state.cluster.blacklisted_os,
    ),
    column("variants", "Variants", OTHER, "Variants that all nodes have", lambda row: row.common("variants")),
    column(
        "api_versions",
        "ApiVersions",
        OTHER,
        "API versions that all nodes have",
        lambda row: row.common("api_versions"),
    ),
    column(
        "parameters",
        "Parameters",
        OTHER,
        "Parameters that all nodes have",
        lambda row: row.common("parameters"),
    ),
    column("node_status", "NodeStatus", OTHER, "Status on each node", _node_status),
    column(
        "os_hvp",
        "OsHypervisorParams",
        OTHER,
        "Hypervisor parameters set for it",
        lambda row: row.state.cluster.os_hvp.get(row.name, {}),
    ),
    column(
        "osparams",
        "OsParameters",
        OTHER,
        "OS parameters set for it",
        lambda row: row.state.cluster.osparams.get(row.name, {}),
    ),
    column(
        "trusted",
        "Trusted",
        BOOL,
        "Whether its scripts run on the node itself",
        lambda row: row.first is not None and row.first.trusted,
    ),
]

PROVIDERS: Columns[OsRow] = Columns(_COLUMNS)
