# SPDX-License-Identifier: BSD-2-Clause
"""Choosing nodes for instances."""

from __future__ import annotations

from dataclasses import dataclass

from ganeti.errors import WrongInput
from ganeti.jobs.context import CheckContext
from ganeti.model.instance import Instance
from ganeti.model.node import Node


@dataclass(frozen=True, slots=True)
class Wanted:
    """An instance that needs a node."""

    instance: Instance
    group_name: str | None
    iallocator: str | None


async def allocate(cluster: CheckContext, wanted: Wanted) -> Node:
    """The best node for a new instance."""
    raise WrongInput("Parameter 'pnode': name the node")


async def relocate(cluster: CheckContext, instance: Instance, iallocator: str | None) -> Node:
    """The best node for an instance to go to."""
    raise WrongInput("Parameter 'target_node': name the node")
