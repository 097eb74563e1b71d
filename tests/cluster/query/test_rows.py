# SPDX-License-Identifier: BSD-2-Clause
"""Lists as results of jobs."""

import pytest

from ganeti import errors
from ganeti.operations.query import rows


async def test_a_job_lists_what_a_query_would(cluster):
    table = await cluster.run("OP_QUERY", what="node", fields=["name", "role"], qfilter=["=", "name", "node2"])
    assert table["data"] == [[(0, "node2"), (0, "C")]]
    assert [field["title"] for field in table["fields"]] == ["Node", "Role"]
    assert await cluster.call("Read", {"OP_ID": "OP_QUERY", "what": "cluster", "fields": ["name"]}) == {
        "fields": [{"name": "name", "title": "Name", "kind": "text", "doc": "Name of the cluster"}],
        "data": [[[0, "cluster"]]],
    }
    assert str(cluster.master.queue.get(1).job.steps[0].summary) == "QUERY(node)"


async def test_what_there_is_not_is_refused(cluster):
    with pytest.raises(errors.WrongInput, match="no resource 'exports' to query; choose from instance, node"):
        await cluster.run("OP_QUERY", what="exports", fields=["name"])


async def test_a_job_keeps_no_list_without_end(cluster, monkeypatch):
    monkeypatch.setattr(rows, "MOST_CELLS", 5)
    with pytest.raises(errors.WrongInput, match="The list has 6 values, and a job keeps 5 at most"):
        await cluster.run("OP_QUERY", what="node", fields=["name", "role"])
