# SPDX-License-Identifier: BSD-2-Clause
"""docs/user/security.md names every parameter that reaches more of a node than words and numbers do."""

from pathlib import Path

from ganeti.declare.parameter import parameters_of
from ganeti.model.cluster import Cluster
from ganeti.model.parameters.backend import BackendParameters
from ganeti.model.parameters.disk import DISK_PARAMETERS
from ganeti.model.parameters.hypervisor import HYPERVISOR_PARAMETERS
from ganeti.model.parameters.network import NicParameters
from ganeti.model.parameters.node import NodeParameters

PAGE = Path(__file__).parents[2] / "docs/user/security.md"
TABLES = {
    "the cluster": Cluster,
    "instances": BackendParameters,
    **{f"hypervisor {name}": table for name, table in HYPERVISOR_PARAMETERS.items()},
    "NICs": NicParameters,
    "nodes": NodeParameters,
    **{f"disk template {name}": table for name, table in DISK_PARAMETERS.items()},
}
# Names by which a parameter is suspected to reach something.
SUSPICIOUS = ("_path", "_file", "_dir", "_program", "_script", "_extra", "-custom", "_image", "_helper", "_domain")
# And by which it is suspected to let others in, or to keep them out.
GUARDING = {"bind", "tls", "verify", "chroot", "security", "password"}


def rows():
    for of, table in TABLES.items():
        for name, parameter in parameters_of(table).items():
            if parameter.reaches:
                yield f"| `{name}` | {of} | {parameter.reaches} |"


def test_the_page_lists_what_is_declared_to_reach_something():
    section = PAGE.read_text().split("## What reaches a node's files and programs")[1].split("\n## ")[0]
    listed = [line for line in section.splitlines() if line.startswith("| `")]
    assert listed == list(rows())


def test_what_sounds_like_a_path_or_a_program_is_declared_to_be_one():
    silent = {
        (of, name)
        for of, table in TABLES.items()
        for name, parameter in parameters_of(table).items()
        if name.endswith(SUSPICIOUS) and parameter.kind is str and not parameter.reaches
    }
    # The path of the guest's root device, on the guest's own command line.
    assert silent == {("hypervisor kvm", "root_path")}


def test_what_sounds_like_a_guard_is_declared_to_be_one():
    parameters = [row for table in TABLES.values() for row in parameters_of(table).items()]
    guarding = [(name, parameter.reaches) for name, parameter in parameters if GUARDING & {*name.split("_")}]
    assert len(guarding) > 10
    assert [name for name, reaches in guarding if not reaches] == []
