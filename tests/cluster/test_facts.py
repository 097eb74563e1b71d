# SPDX-License-Identifier: BSD-2-Clause
"""Facts that nodes keep in files: what is handed out, and what becomes of those who change them."""

import asyncio

import pytest

from ganeti.model.entity import evolve
from tests.cluster.paper import SETTLED


@pytest.fixture
async def settled(cluster):
    await cluster.master.facts.settled(SETTLED)
    return cluster


async def test_every_node_has_the_key_of_ganeti_confd_and_nobody_else_can_read_it(settled):
    for node in settled.nodes.values():
        path = node.paths.confd_key
        assert path.read_text() == f"{settled.state.cluster.confd_key}\n"
        assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"another\n", b"\xff\xfe", None])
@pytest.mark.parametrize("name", ["ssconf_cluster_name", "hmac.key"])
async def test_what_somebody_changes_is_told_and_written_anew(settled, caplog, name, content):
    path = settled.nodes["node2"].paths.state / name
    before = path.read_bytes()
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    await settled.master.facts.look()
    assert path.read_bytes() == before
    assert "not as they were handed out on node2; they are written again" in caplog.text
    assert (content is None) != (f"{path} was not what the master had written" in caplog.text)


async def test_a_fact_that_is_none_is_removed_and_that_is_said_once(settled, caplog):
    strange = settled.nodes["node2"].paths.ssconf("of_an_older_version")
    strange.write_text("x\n")
    await settled.master.facts.look()
    assert not strange.exists()
    assert f"{strange} is not of the master's facts, and was removed" in caplog.text
    caplog.clear()
    await settled.master.facts.look()
    assert caplog.text == ""


async def test_what_nobody_has_changed_stays_as_it_is(settled, caplog):
    caplog.clear()
    settled.network.cut_off.add("10.0.0.3")
    await settled.master.facts.look()
    assert "written again" not in caplog.text


async def test_a_cluster_without_a_key_gets_one(cluster):
    await cluster.master.configuration.commit([evolve(cluster.state.cluster, confd_key="")])
    async with asyncio.timeout(SETTLED):
        while not cluster.state.cluster.confd_key:
            await asyncio.sleep(0)
    assert len(cluster.state.cluster.confd_key) == 40
