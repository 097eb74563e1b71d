# SPDX-License-Identifier: BSD-2-Clause
"""Checking the configuration in itself."""

import pytest

from ganeti import errors


async def test_a_sound_configuration_is_good(cluster):
    assert await cluster.run("OP_CLUSTER_VERIFY_CONFIG") is True


async def test_a_stale_replica_makes_it_bad(cluster):
    cluster.nodes["node3"].store.full = True
    await cluster.run("OP_TEST_DELAY", duration=0)
    assert await cluster.run("OP_CLUSTER_VERIFY_CONFIG") is False


async def test_an_error_code_that_there_is_not_cannot_be_ignored(cluster):
    with pytest.raises(errors.WrongInput, match="ENOSUCH"):
        await cluster.run("OP_CLUSTER_VERIFY_CONFIG", ignore_errors=["ENOSUCH"])
