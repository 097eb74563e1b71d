# SPDX-License-Identifier: BSD-2-Clause
"""The change of the score by exchanges, and whether the nodes have the room."""

from __future__ import annotations

import numpy as np

from ganeti.placement.balance.evaluation import Evaluation
from ganeti.placement.balance.exchanges import Exchanges
from ganeti.placement.balance.fleet import Mask
from ganeti.placement.demand import Floats, Resource
from ganeti.placement.score import WEIGHTS

# Limited resources: those of the primary role, and those of a mirror of the disks.
_OF_PRIMARIES = [Resource.MEMORY, Resource.VCPUS, Resource.MEMORY_ALL, Resource.VCPUS_ALL]
_OF_DISKS = [
    Resource.DISK,
    Resource.SPINDLES,
    Resource.SPINDLE_USE,
    Resource.DISK_ALL,
    Resource.SPINDLES_ALL,
    Resource.SPINDLE_USE_ALL,
]

_ANYWHERE, _PRIMARY = WEIGHTS["offline_all_cnt"], WEIGHTS["offline_pri_cnt"]


class Estimate:
    """Of the state at the last ``look``. Everything is counted except instances on nodes that fail N+1."""

    def __init__(self, state: Evaluation) -> None:
        self._state = state
        self._demand = state.fleet.demand.T.copy()
        self._offline = np.append(state.offline, [False])  # the last one: NO_NODE

    def spread(self, exchanges: Exchanges) -> Floats:
        """The change of the score without that of the reserved memory, which is more expensive to compute."""
        state = self._state
        change = state.primary_lines.exchanged(exchanges.of_primaries) - state.primary_lines.now()
        change += state.mirrored_lines.exchanged(exchanges.of_disks) - state.mirrored_lines.now()
        change += state.neighbourhood.exchanged(exchanges)
        if self._offline.any():
            change += self._leaving(exchanges)
        return change

    def _leaving(self, exchanges: Exchanges) -> Floats:
        """The change by instances that leave offline nodes; none move there."""
        gained = _ANYWHERE * self._offline[exchanges.secondary] - _ANYWHERE * self._offline[exchanges.new_secondary]
        gained += (_ANYWHERE + _PRIMARY) * self._offline[exchanges.primary]
        gained -= (_ANYWHERE + _PRIMARY) * self._offline[exchanges.new_primary]
        gained *= ~self._state.fleet.forthcoming[exchanges.instances]
        change: Floats = -gained.sum(axis=0)
        return change

    def reserve(self, exchanges: Exchanges) -> Floats:
        """The change by the reserved memory; infinite where a limit is newly exceeded."""
        state, transfer = self._state, exchanges.of_primaries
        claims = state.reserve.claims(exchanges)
        change = state.reserve.claimed(claims) - state.reserve.now()
        fits = self._fits(exchanges)
        if not state.options.ignore_soft_limits:
            fits &= state.risk.holds(
                claims, transfer, transfer.amount(self._demand[Resource.MEMORY : Resource.MEMORY + 1])[0]
            )
        change[~fits] = np.inf
        return change

    def _fits(self, exchanges: Exchanges) -> Mask:
        left = self._state.room.left()
        fits = np.ones(len(exchanges), dtype=bool)
        for transfer, rows in ((exchanges.of_primaries, _OF_PRIMARIES), (exchanges.of_disks, _OF_DISKS)):
            amount = transfer.amount(self._demand[rows])
            room = left[rows]
            fits &= ((amount <= room[:, transfer.target]) | (amount <= 0)).all(axis=0)
            fits &= ((-amount <= room[:, transfer.source]) | (amount >= 0)).all(axis=0)
        return fits
