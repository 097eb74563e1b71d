# SPDX-License-Identifier: BSD-2-Clause
"""The operation that a new cluster's hooks follow."""

import pytest

from ganeti import errors


async def test_it_changes_nothing(cluster):
    before = cluster.state
    assert await cluster.run("OP_CLUSTER_POST_INIT") is None
    assert cluster.state == before


async def test_it_takes_nothing(cluster):
    with pytest.raises(errors.WrongInput):
        await cluster.run("OP_CLUSTER_POST_INIT", cluster_name="other")
