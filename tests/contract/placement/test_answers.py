# SPDX-License-Identifier: BSD-2-Clause
"""Our hail, hspace and hcheck against Ganeti's own, live, on clusters that no recording has seen."""

import pytest

from ganeti.cli.htools import hcheck, hspace
from tests.golden.placement import outputs
from tests.golden.placement.answers import (
    assert_no_worse_answer,
    hail_message,
    instances_that_fit,
    theirs,
    tools_cluster,
)
from tests.golden.placement.outputs import RUNS, ours
from tests.golden.placement.record_answers import ARGUMENTS


@pytest.mark.parametrize("seed", range(6000, 6100))
def test_hail_is_no_worse(oracle, seed):
    assert_no_worse_answer(seed, *theirs(oracle, "hail", hail_message(seed)))


@pytest.mark.parametrize("seed", range(7000, 7030))
def test_hspace_fits_no_fewer(oracle, seed, tmp_path, capfd):
    text = tools_cluster(seed)
    _, said = theirs(oracle, "hspace", text, *ARGUMENTS["hspace"])
    data = tmp_path / "cluster.data"
    data.write_text(text)
    assert hspace.main(["-t", str(data), *ARGUMENTS["hspace"]]) == 0
    assert instances_that_fit(capfd.readouterr().out) >= instances_that_fit(said)


@pytest.mark.parametrize("seed", range(7000, 7030))
def test_hcheck_ends_alike(oracle, seed, tmp_path):
    text = tools_cluster(seed)
    status, _ = theirs(oracle, "hcheck", text, *ARGUMENTS["hcheck"])
    data = tmp_path / "cluster.data"
    data.write_text(text)
    assert hcheck.main(["-t", str(data), *ARGUMENTS["hcheck"]]) == status


@pytest.mark.parametrize("seed", range(14000, 14030))
@pytest.mark.parametrize("name", ["hinfo", "hcheck"])
def test_the_output_is_the_same_to_the_letter(oracle, name, seed):
    assert ours(RUNS[name], seed) == outputs.theirs(oracle, RUNS[name], seed)
