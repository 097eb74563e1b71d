# SPDX-License-Identifier: BSD-2-Clause
"""The state of a group in all the forms that make moves cheap to rate."""

from __future__ import annotations

from ganeti.placement.balance.fleet import Fleet
from ganeti.placement.balance.lines import Lines
from ganeti.placement.balance.neighbourhood import Neighbourhood
from ganeti.placement.balance.options import BalanceOptions
from ganeti.placement.balance.reserve import Reserve
from ganeti.placement.balance.risk import Risk
from ganeti.placement.balance.room import Room
from ganeti.placement.occupancy import Occupancy
from ganeti.placement.score import WEIGHTS
from ganeti.placement.snapshot import Snapshot


class Evaluation:
    """``counted``: the part of the score that consists of counts; moves add to it."""

    def __init__(self, snapshot: Snapshot, occupancy: Occupancy, fleet: Fleet, options: BalanceOptions) -> None:
        self.occupancy = occupancy
        self.fleet = fleet
        self.options = options
        self.primary_lines = Lines(occupancy, fleet, mirrored=False)
        self.mirrored_lines = Lines(occupancy, fleet, mirrored=True)
        self.reserve = Reserve(occupancy, fleet)
        self.risk = Risk(occupancy)
        self.room = Room(occupancy, fleet, options)
        self.neighbourhood = Neighbourhood(snapshot, occupancy, fleet)
        self.offline = ~occupancy.online

    def look(self) -> None:
        """Take the present state."""
        shares = self.occupancy.equipment.shares(self.occupancy.used)
        self.primary_lines.look(shares)
        self.mirrored_lines.look(shares)
        self.reserve.look()
        self.risk.look(self.reserve.reserved)
        self.room.look()
        self.neighbourhood.look()
        self.counted = self._counted()

    def score(self) -> float:
        """The whole score."""
        return self.counted + self.primary_lines.now() + self.mirrored_lines.now() + self.reserve.now()

    def _counted(self) -> float:
        occupancy, offline = self.occupancy, self.offline
        here = occupancy.primaries + occupancy.secondaries
        return (
            WEIGHTS["offline_all_cnt"] * float(here[offline].sum())
            + WEIGHTS["offline_pri_cnt"] * float(occupancy.primaries[offline].sum())
            + WEIGHTS["n1_cnt"] * float(occupancy.instances_at_risk()[~offline].sum())
            + WEIGHTS["pri_tags_score"] * occupancy.exclusion_conflicts()
            + WEIGHTS["location_score"] * occupancy.location_score
            + WEIGHTS["location_exclusion_score"] * occupancy.location_exclusion_conflicts()
        )
