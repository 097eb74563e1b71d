# SPDX-License-Identifier: BSD-2-Clause
"""Becoming a node of a cluster, and ceasing to be one."""

import asyncio
from pathlib import Path

import pytest

from ganeti.bootstrap.destroy import destroy
from ganeti.daemons import noded
from ganeti.errors import EnvironmentUnfit
from ganeti.host.certificates import create_authority, create_node_credentials
from ganeti.host.files import write_atomic
from ganeti.host.paths import Paths
from ganeti.node.master_ip import MasterIp
from ganeti.node.mastership import step_down
from ganeti.node.membership import Bundle, belongs_to, ensure_free, enter, finish_leaving, leave
from tests.unit.bootstrap.test_join import Daemons

AUTHORITY = create_authority("cluster")
OWN = create_node_credentials(AUTHORITY, "node1")


class Killed(BaseException):
    pass


@pytest.fixture
def paths(tmp_path):
    """Of a master."""
    made = Paths(tmp_path)
    bundle = Bundle(
        cluster_name="cluster",
        ca=AUTHORITY.certificate.decode(),
        certificate=OWN.certificate.decode(),
        term=3,
        master="node1",
        candidates={"node1": ()},
    )
    enter(made, bundle, OWN.key)
    of_master = (made.watcher_pause, made.instance_status, made.instance_status_of("uuid"))
    for path in (made.ca_key, made.rapi_certificate, made.rapi_users, made.store, made.replica_term, *of_master):
        write_atomic(path, "x")
    return made


def left(paths):
    return [path for path in paths.root.rglob("*") if path.is_file()]


@pytest.fixture
def killed_after(monkeypatch, paths):
    """Leave a cluster, and be killed after so many files."""
    unlink, whole = Path.unlink, len(left(paths))

    def leaving(count):
        def limited(path, missing_ok=False):
            if len(left(paths)) <= whole + 1 - count:  # one file more says that the node is leaving
                raise Killed
            unlink(path, missing_ok=missing_ok)

        with monkeypatch.context() as patched:
            patched.setattr(Path, "unlink", limited)
            with pytest.raises(Killed):
                leave(paths)

    return leaving


@pytest.mark.parametrize("count", range(10))
def test_a_departure_that_is_interrupted_is_finished(count, paths, killed_after):
    killed_after(count)
    assert belongs_to(paths) is None
    assert finish_leaving(paths)
    assert left(paths) == []
    assert not finish_leaving(paths)


def test_what_makes_the_daemon_start_which_finishes_it_goes_last(paths, killed_after):
    killed_after(len(left(paths)) - 1)
    assert {path.name for path in left(paths)} == {"node.pem", "leaving"}


async def test_a_node_daemon_that_is_started_in_the_middle_finishes_it_and_ends(paths, killed_after):
    killed_after(2)
    with pytest.raises(EnvironmentUnfit, match="has left its cluster"):
        async with noded.life(paths, asyncio.Event()):
            pass
    assert left(paths) == []


def test_whoever_needs_the_machine_finishes_it(paths, killed_after):
    killed_after(2)
    ensure_free(paths)
    assert left(paths) == []


def test_a_destruction_that_is_interrupted_can_be_repeated(paths, killed_after):
    killed_after(2)
    stopped = []

    class Services:
        stop = staticmethod(stopped.append)

    destroy(paths, Services())
    assert stopped
    assert left(paths) == []


async def test_who_is_not_the_master_any_more_has_nothing_for_scripts_that_was_true_then(paths, monkeypatch):
    async def give_up(self):
        pass

    monkeypatch.setattr(MasterIp, "give_up", give_up)
    await step_down(paths, Daemons())
    assert [*paths.state.glob("watcher.*"), *paths.state.glob("instance-status")] == []
    assert paths.store.exists()
