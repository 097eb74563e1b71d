# SPDX-License-Identifier: BSD-2-Clause
"""The node's side of ``gnt-node add``: nothing is touched that must not be, and everything can be brought back."""

import pytest

from ganeti.bootstrap.join.over_ssh import Wanted, accept, prepare
from ganeti.bootstrap.join.switch import Switch
from ganeti.errors import ExecutionFailed, WrongState
from ganeti.host.certificates import create_authority, create_node_credentials
from ganeti.host.daemons import NODE_DAEMONS
from ganeti.host.files import write_atomic
from ganeti.host.paths import Paths
from ganeti.node.membership import Bundle, belongs_to, enter
from tests.unit.bootstrap.test_join import Daemons

AUTHORITIES = {name: create_authority(name) for name in ("old", "new")}


def bundle(cluster, node="node2", master="node1"):
    made = create_node_credentials(AUTHORITIES[cluster], node)
    return Bundle(
        cluster_name=cluster,
        ca=AUTHORITIES[cluster].certificate.decode(),
        certificate=made.certificate.decode(),
        term=1,
        master=master,
        candidates={master: ""},
    )


def wanted(cluster="new", **more):
    return Wanted(cluster_name=cluster, authority=AUTHORITIES[cluster].certificate.decode(), **more)


@pytest.fixture
def paths(tmp_path):
    return Paths(tmp_path)


@pytest.fixture
def daemons():
    return Daemons()


@pytest.fixture
def switch(paths, daemons):
    return Switch(paths, daemons)


@pytest.fixture
def member(paths, daemons):
    """Of the cluster "old", a candidate whose node daemon runs."""
    enter(paths, bundle("old"), b"old key")
    write_atomic(paths.store, "old store")
    write_atomic(paths.ca_key, "old ca key")
    write_atomic(paths.rapi_users, "old users")
    daemons.start("ganeti-noded")
    return files(paths)


def files(paths):
    """All that is there, as in the file system."""
    return {str(path.relative_to(paths.root)): path.read_bytes() for path in paths.root.rglob("*") if path.is_file()}


def nobody():
    return []


def test_a_blank_machine_is_prepared_and_set_up(paths, switch, daemons):
    prepare(paths, switch, wanted(), nobody)
    assert belongs_to(paths) is None
    accept(paths, switch, bundle("new"))
    switch.complete()
    assert (belongs_to(paths), daemons.up) == ("new", set(NODE_DAEMONS))
    assert not any("joining" in name for name in files(paths))


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (wanted("new"), "belongs to another cluster, 'old'.*--force-join"),
        (wanted("old"), "has the credentials of the cluster 'old' already; --readd renews them"),
    ],
)
def test_a_member_is_not_touched_unless_that_is_wanted(paths, switch, member, asked, why):
    with pytest.raises(WrongState, match=why):
        prepare(paths, switch, asked, nobody)
    assert files(paths) == member


@pytest.mark.parametrize("asked", [wanted("old", again=True), wanted("new", force=True), wanted("new", again=True)])
def test_a_master_is_never_set_up_as_a_node(paths, switch, asked):
    enter(paths, bundle("old", node="node1"), b"key")
    before = files(paths)
    with pytest.raises(WrongState, match="is the master of the cluster 'old'"):
        prepare(paths, switch, asked, nobody)
    assert files(paths) == before


def test_a_machine_that_runs_instances_of_another_cluster_is_not_taken_from_it(paths, switch, member):
    with pytest.raises(WrongState, match="runs instances of another cluster, 'old': web1"):
        prepare(paths, switch, wanted(force=True), lambda: ["web1"])
    assert files(paths) == member


def test_a_running_daemon_is_stopped_before_its_files_are_kept_aside_and_runs_again_after_an_undo(
    paths, switch, daemons, member
):
    prepare(paths, switch, wanted(force=True), nobody)
    accept(paths, switch, bundle("new"))
    assert belongs_to(paths) == "new"
    assert not paths.store.exists()
    switch.undo()
    assert files(paths) == member
    assert daemons.up == set(NODE_DAEMONS)


def test_a_daemon_that_does_not_start_leaves_the_machine_as_it_was(paths, daemons, member):
    def fails():
        raise ExecutionFailed("no")

    broken = Switch(paths, Daemons(fails))
    prepare(paths, broken, wanted(force=True), nobody)
    with pytest.raises(ExecutionFailed):
        accept(paths, broken, bundle("new"))
    assert {name: text for name, text in files(paths).items() if "joining" not in name} == member


def test_a_join_that_nobody_completed_is_undone_by_the_next_one(paths, switch, daemons, member):
    prepare(paths, switch, wanted(force=True), nobody)
    accept(paths, switch, bundle("new"))
    with pytest.raises(WrongState, match="belongs to another cluster, 'old'"):
        prepare(paths, Switch(paths, daemons), wanted(), nobody)
    assert files(paths) == member


def test_an_undo_that_is_cut_short_loses_nothing(paths, switch, daemons, member, monkeypatch):
    """Power cuts at each step of becoming a member and of going back."""
    original = type(paths.store).rename
    for survived in range(30):
        steps = iter(range(survived))

        def rename(path, target, steps=steps):
            if next(steps, None) is None:
                raise KeyboardInterrupt
            return original(path, target)

        prepare(paths, Switch(paths, daemons), wanted(force=True), nobody)
        monkeypatch.setattr(type(paths.store), "rename", rename)
        try:
            accept(paths, switch, bundle("new"))
            switch.undo()
        except KeyboardInterrupt:
            pass
        monkeypatch.undo()
        Switch(paths, daemons).undo()
        assert {name: text for name, text in files(paths).items() if "joining" not in name} == member
