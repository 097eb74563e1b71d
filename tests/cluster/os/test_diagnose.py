# SPDX-License-Identifier: BSD-2-Clause
"""Which OS providers the nodes have."""

import pytest

from ganeti import errors


async def test_providers_of_all_nodes_are_put_together(cluster):
    for name in ("node1", "node2", "node3"):
        provider(cluster.nodes[name].paths, "tiny", variants="default\n")
    provider(cluster.nodes["node1"].paths, "lonely")
    rows = await cluster.list("os", "name", "valid", "variants")
    assert rows == [["lonely", False, []], ["tiny", True, ["default"]]]
    found = await cluster.run("OP_OS_DIAGNOSE", output_fields=["name", "node_status"], names=["lonely"])
    ((name, status),) = found
    assert (name, [bool(status[node]) for node in sorted(status)]) == ("lonely", [True, False, False])


def provider(paths, name, variants=""):
    directory = paths.os_search_path[0] / name
    directory.mkdir(parents=True)
    (directory / "ganeti_api_version").write_text("20\n")
    (directory / "variants.list").write_text(variants)
    (directory / "parameters.list").write_text("message what to say\n")
    for script in ("create", "import", "export", "rename", "verify"):
        (directory / script).write_text("#!/bin/sh\nexit 0\n")
        (directory / script).chmod(0o755)
    if not variants:
        (directory / "variants.list").unlink()


async def test_without_columns_there_is_no_answer(cluster):
    with pytest.raises(errors.WrongInput, match="'output_fields' is missing"):
        await cluster.run("OP_OS_DIAGNOSE")
