# SPDX-License-Identifier: BSD-2-Clause
"""A node has a driver for whatever the cluster knows as supported, and each driver goes through its contract suite."""

import ast
from operator import attrgetter
from pathlib import Path
from typing import get_args

import pytest

from ganeti.host.clock import WallClock
from ganeti.host.paths import Paths
from ganeti.model.cluster import Cluster
from ganeti.model.disk import DiskTemplate, DiskTemplateName
from ganeti.model.parameters.disk import DISK_PARAMETERS
from ganeti.model.parameters.hypervisor import HYPERVISOR_PARAMETERS
from ganeti.model.parameters.network import NicMode
from ganeti.model.template import TEMPLATES
from ganeti.node.equipment import of_this_machine
from ganeti.placement.snapshot import Template as Placed

CONTRACTS = Path(__file__).parents[1] / "contract"


@pytest.fixture
def equipment(tmp_path):
    return of_this_machine("node1", Paths(tmp_path), WallClock())


def imported(folder):
    """The names that the files of a suite import."""
    nodes = [node for path in folder.glob("*.py") for node in ast.walk(ast.parse(path.read_text()))]
    return {alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}


def test_what_is_supported_has_a_driver_and_nothing_else_has(equipment):
    assert set(equipment.storages) == set(TEMPLATES)
    adopting = {template for template, row in TEMPLATES.items() if row.adopted != "never" or row.mirrored}
    assert set(equipment.adopting) == adopting
    assert set(equipment.wiping) == {template for template, row in TEMPLATES.items() if row.wiped}
    assert set(equipment.mirroring) == {template for template, row in TEMPLATES.items() if row.mirrored}
    for named, storages in (("place", equipment.linking), ("label", equipment.labelling)):
        assert set(storages) == {template for template, row in TEMPLATES.items() if row.named == named}
    assert set(equipment.hypervisors) == set(HYPERVISOR_PARAMETERS)
    assert set(equipment.cards.drivers) == set(get_args(NicMode))


def test_a_disk_template_is_known_wherever_templates_are():
    names = {str(template) for template in TEMPLATES}
    assert names == set(DiskTemplate) == set(get_args(DiskTemplateName)) == DISK_PARAMETERS.keys() == set(Placed)
    assert {row.setting for row in TEMPLATES.values()} - {""} <= set(Cluster.__struct_fields__)


@pytest.mark.parametrize(
    ("folder", "drivers"), [("storage", "storages"), ("network", "cards.drivers"), ("hypervisor", "hypervisors")]
)
def test_a_driver_goes_through_the_contract_suite_of_its_kind(equipment, folder, drivers):
    used = {type(driver).__name__ for driver in attrgetter(drivers)(equipment).values()}
    assert used
    assert used <= imported(CONTRACTS / folder)
