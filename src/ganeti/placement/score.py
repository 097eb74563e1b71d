# SPDX-License-Identifier: BSD-2-Clause
"""How badly a cluster is balanced: the terms of hbal(1), their weights and their weighted sum. Lower is better."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ganeti.placement.demand import Floats
from ganeti.placement.occupancy import Occupancy

# In the order of hinfo's list.
WEIGHTS: dict[str, float] = {
    "free_mem_cv": 0.5,
    "free_disk_cv": 0.5,
    "n1_cnt": 1.0,
    "reserved_mem_cv": 1.0,
    "offline_all_cnt": 4.0,
    "offline_pri_cnt": 16.0,
    "vcpu_ratio_cv": 0.5,
    "cpu_load_cv": 1.0,
    "mem_load_cv": 1.0,
    "disk_load_cv": 1.0,
    "net_load_cv": 1.0,
    "pri_tags_score": 2.0,
    "spindles_cv": 0.5,
    "free_mem_cv_forth": 0.5,
    "free_disk_cv_forth": 0.5,
    "vcpu_ratio_cv_forth": 0.5,
    "spindles_cv_forth": 0.5,
    "location_score": 1.0,
    "location_exclusion_score": 1.0,
    "reserved_mem_rtotal": 0.25,
}

# The terms that are deviations of a line of ``Occupancy.shares``, in its order.
DEVIATIONS = (
    *("free_mem_cv", "free_disk_cv", "vcpu_ratio_cv", "cpu_load_cv", "mem_load_cv", "disk_load_cv", "net_load_cv"),
    *("spindles_cv", "free_mem_cv_forth", "free_disk_cv_forth", "vcpu_ratio_cv_forth", "spindles_cv_forth"),
    "reserved_mem_cv",
)


def terms(occupancy: Occupancy) -> dict[str, float]:
    """By name, unweighted, in hinfo's order. Population standard deviations over online nodes; 0 without any."""
    if not occupancy.online.any():
        return dict.fromkeys(WEIGHTS, 0.0)
    found = dict(_terms(occupancy))
    return {name: found[name] for name in WEIGHTS}


def total(terms: dict[str, float]) -> float:
    return sum(WEIGHTS[name] * value for name, value in terms.items())


def score(occupancy: Occupancy) -> float:
    return total(terms(occupancy))


def counts(occupancy: Occupancy) -> dict[str, float]:
    """The terms that are sums over nodes or instances, not deviations."""
    online = occupancy.online
    return {
        "reserved_mem_rtotal": float((occupancy.reserved() * occupancy.equipment.memory_weight).sum()),
        "n1_cnt": float(occupancy.instances_at_risk()[online].sum()),
        "offline_all_cnt": float((occupancy.primaries + occupancy.secondaries)[~online].sum()),
        "offline_pri_cnt": float(occupancy.primaries[~online].sum()),
        "pri_tags_score": float(occupancy.exclusion_conflicts()),
        "location_score": float(occupancy.location_score),
        "location_exclusion_score": float(occupancy.location_exclusion_conflicts()),
    }


def _terms(occupancy: Occupancy) -> Iterator[tuple[str, float]]:
    yield from zip(DEVIATIONS, _deviations(occupancy.shares()[:, occupancy.online]), strict=True)
    yield from counts(occupancy).items()


def _deviations(shares: Floats) -> list[float]:
    if not shares.shape[1]:
        return [0.0] * len(DEVIATIONS)
    deviations: list[float] = np.std(shares, axis=1).tolist()
    return deviations
