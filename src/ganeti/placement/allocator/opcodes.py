# SPDX-License-Identifier: BSD-2-Clause
"""The operations that carry out moves, as jobs name them on the wire."""

from __future__ import annotations

from typing import Any

Opcode = dict[str, Any]


def migrate(instance: str, target: str | None = None) -> Opcode:
    """To its secondary node, or to ``target`` with shared disks; by failover if it isn't running."""
    return {
        "OP_ID": "OP_INSTANCE_MIGRATE",
        "instance_name": instance,
        **({"target_node": target} if target else {}),
        "allow_runtime_changes": False,
        "ignore_ipolicy": False,
        "cleanup": False,
        "allow_failover": True,
        "ignore_hvversions": True,
    }


def replace_secondary(instance: str, node: str) -> Opcode:
    return {
        "OP_ID": "OP_INSTANCE_REPLACE_DISKS",
        "instance_name": instance,
        "early_release": False,
        "ignore_ipolicy": False,
        "mode": "replace_new_secondary",
        "disks": [],
        "remote_node": node,
    }
