# SPDX-License-Identifier: BSD-2-Clause
"""Which instances a command works on."""

import pytest

from ganeti.cli.selection import chosen
from ganeti.cli.session import Session
from ganeti.errors import UnknownEntity, WrongInput
from ganeti.model.entity import evolve


@pytest.fixture
def choose(gnt):
    """``gnt`` names the cluster to ask."""

    def call(mode, *words):
        return sorted(chosen(Session("gnt-instance", "startup", {}), mode, list(words)))

    return call


@pytest.fixture(scope="module", autouse=True)
def _tagged(served, background):
    cluster, _ = served

    async def tag():
        await cluster.add("soon1", start=False, forthcoming=True, tags=["front"])
        configuration = cluster.master.configuration
        await configuration.commit([evolve(cluster.instance("web1"), tags=frozenset({"front"}))])
        await configuration.commit([evolve(cluster.node("node2"), tags=frozenset({"rack2"}))])

    background.do(tag())


def test_what_is_forthcoming_is_left_out_unless_it_is_named(choose):
    assert choose("instances", "soon1") == ["soon1"]
    assert "soon1" not in choose("instances-by-tags", "front")


@pytest.mark.parametrize(
    ("mode", "words", "found"),
    [
        ("instances", ["web1"], ["web1"]),
        ("instances", ["web2", "db1"], ["db1", "web2"]),
        ("nodes-pri", ["node1"], ["web1", "web2"]),
        ("nodes", ["node1", "node2"], ["db1", "web1", "web2"]),
        ("instances-by-tags", ["front"], ["web1"]),
        ("instances-by-tags", ["front", "back"], ["web1"]),
        ("nodes-by-tags", ["rack2"], ["db1"]),
        ("nodes-pri-by-tags", ["rack2"], ["db1"]),
        ("cluster", [], ["db1", "web1", "web2"]),
    ],
)
def test_instances_are_chosen(choose, mode, words, found):
    assert choose(mode, *words) == found


@pytest.mark.parametrize(
    ("mode", "words", "error", "told"),
    [
        ("instances", [], WrongInput, "No instances given"),
        ("nodes", [], WrongInput, "No instances given"),
        ("cluster", ["web1"], WrongInput, "--all cannot be combined with names"),
        ("instances", ["web"], UnknownEntity, "'web' not known"),
        ("nodes-pri", ["node9"], UnknownEntity, "Node 'node9' not known"),
        ("nodes-pri", ["node3"], UnknownEntity, "does not match any instances"),
        ("nodes-sec", ["node1"], UnknownEntity, "does not match any instances"),
        ("instances-by-tags", ["back"], UnknownEntity, "does not match any instances"),
        ("nodes-by-tags", ["rack9"], UnknownEntity, "does not match any"),
    ],
)
def test_what_chooses_nothing_is_an_error(choose, mode, words, error, told):
    with pytest.raises(error, match=told):
        choose(mode, *words)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--all", "--force-multiple"], "Submitted jobs"),
        (["--primary", "node1", "--force-multiple"], "Submitted jobs"),
        (["--tags", "front", "--force-multiple"], "Waiting for job"),
        (["web1"], "Waiting for job"),
    ],
)
def test_the_flags_choose(gnt, words, told):
    ended = gnt("instance", "startup", *words)
    assert ended.output.startswith(told)
