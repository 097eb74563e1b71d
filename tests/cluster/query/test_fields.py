# SPDX-License-Identifier: BSD-2-Clause
"""The columns of lists as results of jobs."""

import pytest

from ganeti import errors


async def test_columns_are_described(cluster):
    answer = await cluster.run("OP_QUERY_FIELDS", what="lock")
    assert [field["name"] for field in answer["fields"]] == ["mode", "name", "owner", "pending"]
    answer = await cluster.run("OP_QUERY_FIELDS", what="filter", fields=["uuid", "nope"])
    assert [(field["title"], field["kind"]) for field in answer["fields"]] == [("UUID", "other"), ("nope", "unknown")]


async def test_what_there_is_not_is_refused(cluster):
    with pytest.raises(errors.WrongInput, match="no resource 'nope' to query"):
        await cluster.run("OP_QUERY_FIELDS", what="nope")
