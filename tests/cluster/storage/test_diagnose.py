# SPDX-License-Identifier: BSD-2-Clause
"""Which providers of external storage the nodes have."""

import pytest

from ganeti import errors
from ganeti.model.entity import evolve
from ganeti.model.group import Group

SCRIPTS = ("create", "attach", "detach", "remove", "grow", "setinfo", "verify")


def provider(node, name, parameters="", scripts=SCRIPTS):
    directory = node.paths.storage_search_path[0] / name
    directory.mkdir(parents=True)
    (directory / "parameters.list").write_text(parameters)
    for script in scripts:
        (directory / script).write_text("#!/bin/sh\nexit 0\n")
        (directory / script).chmod(0o755)
    return directory


async def diagnosed(cluster, *fields, names=()):
    return await cluster.run("OP_EXT_STORAGE_DIAGNOSE", output_fields=fields, names=names)


async def test_a_provider_that_is_whole_on_all_nodes_of_a_group_is_valid_for_it(cluster):
    for node in cluster.nodes.values():
        provider(node, "san", "pool which pool\nnas_ip\n")
    rows = await diagnosed(cluster, "name", "nodegroup_status", "parameters")
    assert rows == [["san", {"default": True}, [["nas_ip", ""], ["pool", "which pool"]]]]
    assert await cluster.list("extstorage", "name") == [["san"]]


async def test_what_is_missing_on_a_node_is_told(cluster):
    one, two, _ = cluster.nodes.values()
    path = provider(one, "san", "pool which pool\nnas_ip the address\n")
    broken = provider(two, "san", "pool the pool\n", SCRIPTS[1:])
    ((status, groups, parameters),) = await diagnosed(cluster, "node_status", "nodegroup_status", "parameters")
    assert status == {
        "node1": [[str(path), True, "", [["pool", "which pool"], ["nas_ip", "the address"]]]],
        "node2": [[str(broken), False, "it has no executable 'create'", [["pool", "the pool"]]]],
        "node3": [],
    }
    assert (groups, parameters) == ({"default": False}, [["pool", "which pool"]])


async def test_a_provider_is_valid_for_one_group_and_not_for_another(cluster):
    rack = Group(uuid="uuid-rack", name="rack", serial_no=1)
    await cluster.master.configuration.commit([rack, evolve(cluster.node("node3"), group=rack.uuid)])
    for name in ("node1", "node2"):
        provider(cluster.nodes[name], "san")
    assert await diagnosed(cluster, "nodegroup_status") == [[{"default": True, "rack": False}]]


async def test_only_those_that_are_asked_for_are_told(cluster):
    for name in ("san", "nas"):
        provider(cluster.nodes["node1"], name)
    assert await diagnosed(cluster, "name", names=["nas"]) == [["nas"]]


async def test_without_columns_there_is_no_answer(cluster):
    with pytest.raises(errors.WrongInput, match="'output_fields' is missing"):
        await cluster.run("OP_EXT_STORAGE_DIAGNOSE")
