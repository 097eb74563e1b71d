# SPDX-License-Identifier: BSD-2-Clause
"""Commands of ``gnt-group`` that change it and show a result; not among its lists, which import no operations."""

from __future__ import annotations

from ganeti.cli.moves import following
from ganeti.cli.runnable import modified, presented
from ganeti.operations.group.evacuate import GroupEvacuate
from ganeti.operations.group.modify import GroupModify

EVACUATE = presented(
    GroupEvacuate,
    following(
        "No instances in node group {group_name} to move, exiting.",
        "All instances evacuated successfully.",
        "There were errors during the evacuation.",
    ),
)
MODIFY = presented(GroupModify, modified("node group", "group_name"))
