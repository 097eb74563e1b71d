# SPDX-License-Identifier: BSD-2-Clause
import msgspec
import numpy as np
import pytest

from ganeti.placement.allocator.choices import Choices
from ganeti.placement.allocator.message import read_message, request_of
from ganeti.placement.allocator.request import Allocate
from ganeti.placement.occupancy import Occupancy
from ganeti.placement.score import score
from tests.unit.placement.allocator.messages import by_chance

ALLOCATIONS = [seed for seed in range(120) if by_chance(seed)["request"]["type"] == "allocate"]


@pytest.mark.parametrize("seed", ALLOCATIONS)
def test_every_choice_has_the_score_of_the_cluster_with_the_instance_there(seed):
    message = read_message(msgspec.json.encode(by_chance(seed)))
    request = request_of(message.snapshot, message.request)
    assert isinstance(request, Allocate)
    occupancy = Occupancy(message.snapshot)
    nodes = np.flatnonzero(occupancy.online)
    choices = Choices(occupancy, request.instance, nodes, nodes if request.required_nodes == 2 else None)
    for place in np.ndindex(choices.scores.shape):
        if len(set(choices.nodes(place))) == len(place):
            there = occupancy.copy()
            there.add(choices.placed(place))
            assert choices.score(place) == pytest.approx(score(there), abs=1e-9)
