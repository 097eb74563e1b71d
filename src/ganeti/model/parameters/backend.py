# SPDX-License-Identifier: BSD-2-Clause
"""What an instance gets whatever its hypervisor is: memory, processors, spindles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Struct

from ganeti.declare.parameter import param
from ganeti.declare.types import NonNegative, Positive, PositiveSize


class BackendParameters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Defaults as in gnt-cluster(8)."""

    always_failover: Annotated[bool, param("Always fail over, never live-migrate", at_once=True)] = False
    auto_balance: Annotated[bool, param("Include it in N+1 checks and in balancing", at_once=True)] = True
    maxmem: Annotated[PositiveSize, param("Maximum memory, MiB")] = 128
    minmem: Annotated[PositiveSize, param("Minimum memory, MiB")] = 128
    spindle_use: Annotated[NonNegative, param("Number of disk spindles it uses", at_once=True)] = 1
    vcpus: Annotated[Positive, param("Number of virtual CPUs")] = 1

    def problems(self) -> list[str]:
        if self.minmem > self.maxmem:
            return [f"minmem, {self.minmem} MiB, is more than maxmem, {self.maxmem} MiB"]
        return []


def spelled_out(given: Mapping[str, Any]) -> dict[str, Any]:
    """``memory`` is the old name for both ``minmem`` and ``maxmem``."""
    values = dict(given)
    if "memory" in values:
        memory = values.pop("memory")
        values = {"maxmem": memory, "minmem": memory} | values
    return values
