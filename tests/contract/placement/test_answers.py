# SPDX-License-Identifier: BSD-2-Clause
"""Our hail, hspace and hcheck against Ganeti's own, live, on clusters that no recording has seen."""

from importlib import import_module

import msgspec
import pytest

from ganeti.cli.htools import hcheck, hspace
from ganeti.placement.allocator.answering import answer
from ganeti.placement.allocator.message import read_message, request_of
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
from tests.unit.placement.allocator.messages import by_chance


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


@pytest.mark.parametrize("seed", range(6100, 6130))
def test_hail_finds_the_same_mirrors(oracle, seed):
    made = by_chance(seed)
    for name in [*made["instances"]][:5]:
        made["request"] = {"type": "allocate-secondary", "name": name}
        text = msgspec.json.encode(made)
        status, said = theirs(oracle, "hail", text.decode())
        if status:
            continue  # they stumble over instances that had a mirror once
        found = read_message(text)
        given, _ = answer(found.snapshot, request_of(found.snapshot, found.request))
        told = msgspec.json.decode(said)
        assert (given.success, given.result) == (told["success"], told["result"]), told["info"]


# What they complete by nothing: files, and texts.
_MORE = {"-S,--save": "file", "-C,--print-commands": "file", "--reason": "string"}


@pytest.mark.parametrize("tool", ["hail", "hbal", "hcheck", "hinfo", "hroller", "hscan", "hspace", "hsqueeze", "harep"])
def test_what_completes_is_the_same(oracle, tool, capsys):
    module = import_module(f"ganeti.cli.htools.{'hbal_options' if tool == 'hbal' else tool}")
    with pytest.raises(SystemExit):
        module.command_line().parse_args(["--help-completion"])
    ours = dict(line.rsplit(" ", 1) for line in capsys.readouterr().out.splitlines())
    for line in oracle.run(tool, "--help-completion").stdout.splitlines():
        words, kind = line.rsplit(" ", 1)
        found = next(kind for names, kind in ours.items() if words in (names, names.rpartition(",")[0]))
        assert _apart(found) == _apart(_MORE.get(words, kind)), line


def _apart(kind):
    return set(kind.removeprefix("choices=").split(","))


@pytest.mark.parametrize("seed", range(14000, 14030))
@pytest.mark.parametrize("name", ["hinfo", "hcheck"])
def test_the_output_is_the_same_to_the_letter(oracle, name, seed):
    assert ours(RUNS[name], seed) == outputs.theirs(oracle, RUNS[name], seed)
