# SPDX-License-Identifier: BSD-2-Clause
"""Nodes that cannot be evacuated; the numbers are what Ganeti's own hcheck finds."""

import pytest

from ganeti.placement.health import health
from ganeti.placement.occupancy import Occupancy
from ganeti.placement.text import parse

POLICY = "|1,1,1,1,1,1|0,0,0,0,0,0;9,9,9,9,9,9|drbd,plain,ext|4.0|32.0\n"


def stuck(*instances, free_memory=8192, free_disk=100000, tags="", node_tags=""):
    """How many nodes are, by what the second has free; an instance is memory, status, template, forthcoming."""
    lines = [
        f"i{number}|{memory}|100|1|{status}|Y|a|{'b' if template == 'drbd' else ''}|{template}||1|-|{forthcoming}\n"
        for number, (memory, status, template, forthcoming) in enumerate(instances)
    ]
    first = f"a|8192|0|4096|100000|90000|8|N|u|8|{node_tags}|N|0|0|1.0\n"
    second = f"b|8192|0|{free_memory}|100000|{free_disk}|8|N|u|8||N|0|0|1.0\n"
    text = "\n".join(("g|u|preferred||\n", first + second, "".join(lines), tags, POLICY))
    snapshot = parse(text).snapshot
    return health(snapshot, Occupancy(snapshot)).stuck_nodes


@pytest.mark.parametrize("template", ["drbd", "plain", "ext"])
@pytest.mark.parametrize("status", ["running", "ERROR_up", "ERROR_nodedown", "ERROR_wrongnode"])
def test_what_holds_memory_needs_it_elsewhere(template, status):
    assert stuck((1024, status, template, "N")) == 0
    assert stuck((1024, status, template, "N"), free_memory=1000) == 1


@pytest.mark.parametrize("template", ["drbd", "ext"])
def test_what_is_down_needs_no_memory(template):
    assert stuck((1024, "ADMIN_down", template, "N"), free_memory=1000) == 0


def test_what_is_made_anew_elsewhere_is_started_there():
    assert stuck((1024, "ADMIN_down", "plain", "N"), free_memory=1000) == 1


def test_what_is_forthcoming_needs_nothing():
    assert stuck((1024, "running", "drbd", "Y"), free_memory=1000) == 0


def test_a_full_disk_takes_no_instance_that_is_on_it_already():
    assert stuck((1024, "running", "drbd", "N"), free_disk=-100) == 1


def test_tags_that_forbid_migration_hold_an_instance_on_a_dying_node():
    rule = "htools:migration:m\n"
    assert stuck((1024, "running", "drbd", "N"), tags=rule, node_tags="m:1") == 1
    assert stuck((1024, "running", "ext", "N"), tags=rule, node_tags="m:1") == 1
    assert stuck((1024, "running", "ext", "N"), tags=rule) == 0
