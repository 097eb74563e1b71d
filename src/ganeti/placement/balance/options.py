# SPDX-License-Identifier: BSD-2-Clause
"""What balancing may do, according to the options of hbal(1)."""

from __future__ import annotations

from msgspec import Struct


class BalanceOptions(Struct, frozen=True, kw_only=True):
    """``max_cpu``: vcpus per core (None: each group's policy), ``min_disk``: the fraction that stays free.

    ``only`` and ``never`` are names of instances; soft limits are all except memory and disk space.
    """

    disk_moves: bool = True
    instance_moves: bool = True
    restricted_migration: bool = False
    evacuate: bool = False
    ignore_soft_limits: bool = False
    max_cpu: float | None = None
    min_disk: float = 0.0
    only: frozenset[str] | None = None
    never: frozenset[str] = frozenset()
