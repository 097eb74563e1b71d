# SPDX-License-Identifier: BSD-2-Clause
"""Checking the configuration in itself."""

import pytest
from msgspec import Raw

from ganeti import errors
from ganeti.rpc.contract.store import Batch, Record


async def test_a_sound_configuration_is_good(cluster):
    assert await cluster.run("OP_CLUSTER_VERIFY_CONFIG") is True


async def test_a_stale_replica_makes_it_bad(cluster):
    cluster.nodes["node3"].store.full = True
    await cluster.run("OP_TEST_DELAY", duration=0)
    assert await cluster.run("OP_CLUSTER_VERIFY_CONFIG") is False


async def test_what_cannot_be_read_makes_it_bad_and_is_told(cluster):
    await cluster.stop()
    kept = Record("job", "7", Raw(b'{"id": "x"}'))
    await cluster.store.write([Batch(revision=cluster.store.position().revision + 1, records=(kept,))])
    await cluster.start()
    number = await cluster.submit("OP_CLUSTER_VERIFY_CONFIG")
    assert (await cluster.finished(number)).steps[0].result is False
    assert any("the stored job 7 cannot be read; it is kept" in line for line in cluster.log(number))
    assert kept in cluster.store.all()


async def test_an_error_code_that_there_is_not_cannot_be_ignored(cluster):
    with pytest.raises(errors.WrongInput, match="ENOSUCH"):
        await cluster.run("OP_CLUSTER_VERIFY_CONFIG", ignore_errors=["ENOSUCH"])
