# SPDX-License-Identifier: BSD-2-Clause
"""Every setting of the cluster: one row, from which all places that know of it follow."""

from typing import Any, get_args

import pytest

from ganeti import errors
from ganeti.bootstrap.new_cluster import NewCluster
from ganeti.cli.cluster import described
from ganeti.cli.cluster_init import INIT
from ganeti.cli.commands import find as find_command
from ganeti.cli.runnable import options_of
from ganeti.cli.tree import render
from ganeti.declare.decode import decode
from ganeti.declare.parameter import parameters_of
from ganeti.declare.problems import Problems
from ganeti.declare.setting import given_settings, settings_of
from ganeti.model.cluster import Cluster
from ganeti.operations import find
from ganeti.operations.cluster.changes import changed
from ganeti.operations.cluster.info import describe
from ganeti.operations.cluster.modify import ClusterModify

ROWS = {row.name: row for row in settings_of(Cluster)}
DECLARED = parameters_of(Cluster)
SUPPORTED = [name for name in ROWS if not DECLARED[name].unsupported]
# Values other than the default, of settings that not any text, number or list will do for.
SAMPLES: dict[str, Any] = {
    "enabled_hypervisors": ["fake", "kvm"],
    "enabled_disk_templates": ["sharedfile", "file"],
    "hvparams": {"kvm": {"acpi": False}},
    "os_hvp": {"debian": {"kvm": {"acpi": False}}},
    "osparams": {"debian": {"mirror": "here"}},
    "osparams_private": {"debian": {"key": "secret"}},
    "diskparams": {"plain": {"stripes": 2}},
    "beparams": {"vcpus": 2},
    "nicparams": {"link": "br1"},
    "ndparams": {"spindle_count": 2},
    "ipolicy": {"vcpu-ratio": 2.0},
    "hidden_os": [["add", "debian"]],
    "blacklisted_os": [["add", "debian"]],
    "mac_prefix": "aa:bb:cc",
    "master_netdev": "br1",
    "master_netmask": 24,
    "file_storage_dir": "/srv/elsewhere",
    "shared_file_storage_dir": "/srv/elsewhere",
    "uid_pool": [[4000, 4019]],
    "gluster_storage_dir": "/srv/elsewhere",
    "default_iallocator": "",
    "compression_tools": ["gzip"],
    "enabled_data_collectors": {"lv": False},
    "data_collector_interval": {"lv": 10_000_000},
    "default_iallocator_params": {"no-capacity-checks": True},
}


def sample(name):
    """A value that the setting doesn't have by default."""
    default, kind = DECLARED[name].default, DECLARED[name].kind
    if name in SAMPLES:
        return SAMPLES[name]
    if choices := DECLARED[name].choices:
        return next(choice for choice in choices if choice != default)
    return {bool: not default, int: (default or 0) + 1, str: "x", dict: {"x": 1}}.get(kind, ["x"])


def description(state):
    return "\n".join(render(described(describe(state))))


@pytest.mark.parametrize("name", [name for name in SUPPORTED if "modify" in ROWS[name].when])
async def test_it_is_set_by_modify_and_shown_by_info(cluster, name):
    row, before = ROWS[name], cluster.state
    await cluster.run("OP_CLUSTER_SET_PARAMS", **{row.parameter: sample(name)})
    assert getattr(cluster.state.cluster, name) != getattr(before.cluster, name)
    if DECLARED[name].secret:
        assert describe(cluster.state).keys() == describe(before).keys()
        assert "secret" not in f"{describe(cluster.state)}{description(cluster.state)}"
    else:
        assert describe(cluster.state)[row.shown_as] != describe(before)[row.shown_as]
    if row.title:
        assert description(cluster.state) != description(before)
        assert [line for line in description(before).splitlines() if line.startswith(f"  {row.title}:")]


@pytest.mark.parametrize("name", [name for name in SUPPORTED if "init" in ROWS[name].when])
def test_it_is_given_at_init_in_the_same_way(name):
    cluster = Cluster(uuid="", name="c", master_node="")
    wanted = decode({"cluster_name": "c", ROWS[name].parameter: sample(name)}, NewCluster, "gnt-cluster init")
    assert getattr(changed(cluster, given_settings(Cluster, wanted), Problems()), name) != getattr(cluster, name)


@pytest.mark.parametrize("name", ROWS)
def test_its_flags_are_those_of_the_commands_that_take_it(name):
    init = {flag for option in options_of(INIT) for flag in option.flags}
    modify = {flag for option in options_of(find_command("gnt-cluster", "modify")) for flag in option.flags}
    flags = set(DECLARED[name].flags)
    assert flags <= init or "init" not in ROWS[name].when
    assert flags <= modify or "modify" not in ROWS[name].when


@pytest.mark.parametrize("name", [name for name in ROWS if DECLARED[name].unsupported])
@pytest.mark.parametrize("struct", [find("OP_CLUSTER_SET_PARAMS"), NewCluster])
def test_what_is_not_supported_is_refused_everywhere(struct, name):
    given = {"cluster_name": "c"} if struct is NewCluster else {"OP_ID": "OP_CLUSTER_SET_PARAMS"}
    value = [[1, 2]] if name == "uid_pool" else sample(name)
    with pytest.raises(errors.WrongInput, match=f"'{name}.*not supported yet"):
        decode({**given, ROWS[name].parameter: value}, struct, "it")


def test_a_value_is_checked_alike_wherever_it_comes_in():
    for name, row in ROWS.items():
        taken = [parameters_of(struct).get(row.parameter) for struct in (ClusterModify, NewCluster)]
        types = {parameter.type for parameter in taken if parameter}
        assert len(types) == 1, name
        assert type(None) in get_args(types.pop().__origin__), name
