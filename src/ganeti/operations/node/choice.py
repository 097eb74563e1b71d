# SPDX-License-Identifier: BSD-2-Clause
"""Naming a node in a parameter: by its name or, in a second parameter, by its UUID."""

from __future__ import annotations

from dataclasses import dataclass

from ganeti.errors import UnknownEntity
from ganeti.model.node import Node
from ganeti.model.state import State


@dataclass(frozen=True, slots=True)
class NodeChoice:
    """The node that an operation names, if it does."""

    name: str | None
    uuid: str | None

    def __bool__(self) -> bool:
        return bool(self.uuid or self.name)

    def find(self, state: State) -> Node | None:
        """None if none is named. Raises UnknownEntity."""
        wanted = self.uuid or self.name
        return state.find(Node, wanted) if wanted else None

    def names(self, state: State) -> list[str]:
        """The name of the node, for its lock. Empty for an unknown one, which the check reports."""
        try:
            named = self.find(state)
        except UnknownEntity:
            return []
        return [named.name] if named else []
