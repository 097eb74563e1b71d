# SPDX-License-Identifier: BSD-2-Clause
"""An upgrade that ends at any moment goes on to the same end; what cannot be is refused before anything is changed."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest

import ganeti
from ganeti.bootstrap import upgrade as upgrading
from ganeti.bootstrap.upgrade import RESUME, VERIFY, Upgrade
from ganeti.bootstrap.upgrade_preview import foreseen
from ganeti.config.configuration import read_state
from ganeti.config.sqlite import SqliteStore
from ganeti.config.store import FORMAT
from ganeti.errors import EnvironmentUnfit, ExecutionFailed, MasterUnreachable, NodeUnreachable, StoreFailed, WrongState
from ganeti.host.daemons import MASTER_DAEMONS, NODE_DAEMONS, Daemon
from ganeti.host.paths import Paths
from ganeti.host.versions import Versions
from ganeti.luxi.protocol import Method
from ganeti.model.entity import evolve
from ganeti.model.instance import Instance
from ganeti.rpc.contract.node import Ping, Pong
from ganeti.rpc.contract.software import Software, SwitchVersion, TellVersions
from ganeti.rpc.contract.store import Position, ReplaceStore
from tests.cluster.world import first_state, stored

OLD, NEW = "4.0.0", "4.1.0"


class Killed(BaseException):
    """SIGKILL."""


class World:
    """A master and other nodes. ``steps`` are what happened; with ``last`` the command is killed before another."""

    def __init__(self, root, state):
        self.paths = Paths(root)
        self.steps, self.last = [], None
        self.running = {*NODE_DAEMONS, *MASTER_DAEMONS}
        self.drained, self.jobs = False, []
        self.others = {"node2": OLD, "node3": OLD}
        self.has = dict.fromkeys(self.others, (OLD, NEW))
        self.replicas = {}
        self.silent, self.stuck, self.broken, self.told = set(), set(), set(), []
        self.shy = 0  # how often the master daemon does not answer yet
        for version in (OLD, NEW):
            self.install(version)
        (self.paths.software / "current").symlink_to(OLD)
        store = SqliteStore(self.paths.store)
        asyncio.run(stored(state, store))
        store.close()

    def install(self, version, form=FORMAT):
        place = self.paths.software / version
        place.mkdir(parents=True, exist_ok=True)
        (place / "installed.json").write_text(json.dumps({"version": version, "format": form}))

    def step(self, *what):
        if self.last is not None and len(self.steps) >= self.last:
            raise Killed
        self.steps.append(what)

    # services
    def start(self, daemon):
        self.step("start", daemon)
        if daemon in self.broken:
            raise ExecutionFailed(f"{daemon} did not start: no")
        self.running.add(daemon)

    def stop(self, daemon):
        self.step("stop", daemon)
        self.running.discard(daemon)

    def is_running(self, daemon):
        return daemon in self.running

    # nodes
    async def call(self, node, call):
        self.step(type(call).__name__, node.name)
        assert node.primary_ip == f"10.0.0.{node.name[4:]}"
        if node.name in self.silent:
            raise NodeUnreachable(f"Node {node.name} cannot be reached")
        match call:
            case TellVersions():
                return Software(self.others[node.name], self.has[node.name])
            case SwitchVersion(version=version):
                if node.name not in self.stuck:
                    self.others[node.name] = version
                return None
            case ReplaceStore(format=form):
                self.replicas[node.name] = form
                return Position(form, call.revision)
            case Ping():
                return Pong(node.name, self.others[node.name], 0.0)

    async def call_all(self, nodes, call):
        async def one(node):
            try:
                return node.name, await self.call(node, call)
            except NodeUnreachable as error:
                return node.name, error

        return dict([await one(node) for node in nodes])

    # the master daemon
    def master(self, method, *arguments):
        self.step(method, *arguments)
        if Daemon.MASTER not in self.running or self.shy:
            self.shy -= bool(self.shy)
            raise MasterUnreachable("The master daemon cannot be reached")
        match method:
            case Method.QUERY_CONFIG_VALUES:
                return [self.drained]
            case Method.SET_DRAIN_FLAG:
                self.drained = arguments[0]
                return True
            case Method.QUERY:
                return {"data": [[[0, job]] for job in (self.jobs.pop() if self.jobs else [])]}

    @property
    def upgrade(self):
        class Connection:
            call = staticmethod(self.master)

        class Services:
            start, stop, running = staticmethod(self.start), staticmethod(self.stop), staticmethod(self.is_running)

        @asynccontextmanager
        async def calling():
            yield self

        return Upgrade(self.paths, Services(), calling, Connection, self.told.append, self.told.append)

    def end(self):
        """What there is in the end."""
        intent = self.paths.upgrade.exists()
        return Versions(self.paths).current(), dict(self.others), set(self.running), self.drained, intent


@pytest.fixture
def world(tmp_path, monkeypatch):
    monkeypatch.setattr(upgrading, "_LOOK", 0.0)
    monkeypatch.setattr(ganeti, "VERSION", OLD)
    state = first_state(nodes=4)
    return World(tmp_path, state.changed([evolve(state.find(type(state.master), "node4"), offline=True)]))


@pytest.fixture
def go_on(world, monkeypatch):
    """As the command does, which becomes that of the version in use."""

    def run():
        while (following := world.upgrade.go_on()) == RESUME:
            assert Versions(world.paths).current() != ganeti.VERSION
            monkeypatch.setattr(ganeti, "VERSION", Versions(world.paths).current())
        return following

    return run


def done(version):
    return version, {"node2": version, "node3": version}, {*NODE_DAEMONS, *MASTER_DAEMONS}, False, False


def test_the_queue_is_drained_first_and_the_master_daemon_is_down_while_nodes_switch(world, go_on):
    world.jobs = [[7, 8], [7]]
    world.upgrade.begin(NEW)
    assert go_on() == VERIFY
    assert world.end() == done(NEW)
    assert "Waiting for jobs 8, 7 ..." in world.told or "Waiting for job 7 ..." in world.told
    steps = world.steps
    down, up = steps.index(("stop", Daemon.MASTER)), steps.index(("start", Daemon.MASTER))
    assert steps.index((Method.SET_DRAIN_FLAG, True)) < down
    switched = [place for place, step in enumerate(steps) if step[0] == "SwitchVersion"]
    assert all(down < place < steps.index(("stop", Daemon.NODE)) for place in switched)
    assert steps.index(("start", Daemon.NODE)) < up < steps.index((Method.SET_DRAIN_FLAG, False))
    assert not [step for step in steps if "node4" in step]
    assert world.paths.kept_store(OLD).read_bytes().startswith(b"SQLite")


def test_wherever_it_is_killed_it_goes_on_to_the_same_end(tmp_path_factory, world, go_on, monkeypatch):
    ends = set()
    for last in range(100):
        monkeypatch.setattr(ganeti, "VERSION", OLD)
        world.__init__(tmp_path_factory.mktemp("node"), first_state(nodes=3))
        world.upgrade.begin(NEW)
        world.last = len(world.steps) + last
        try:
            go_on()
        except Killed:
            ends.add(world.upgrade.intent.stage)
        else:
            break
        world.last = None
        monkeypatch.setattr(ganeti, "VERSION", Versions(world.paths).current())
        assert go_on() == VERIFY
        assert world.end() == done(NEW)
    assert ends == {*upgrading.Stage} - {upgrading.Stage.KEEPING}


@pytest.mark.parametrize("stage", list(upgrading.Stage))
def test_killed_as_a_stage_begins_it_goes_on_or_back(world, go_on, monkeypatch, stage):
    def until(upgrade, now, intent):
        if now == stage:
            raise Killed
        do(upgrade, now, intent)

    do = Upgrade._do
    world.upgrade.begin(NEW)
    with monkeypatch.context() as patched:
        patched.setattr(Upgrade, "_do", until)
        with pytest.raises(Killed):
            go_on()
    with pytest.raises(WrongState, match=f"The upgrade to {NEW} is not complete; .* --to {OLD}'"):
        world.upgrade.begin(NEW)
    monkeypatch.setattr(ganeti, "VERSION", Versions(world.paths).current())
    world.upgrade.begin(OLD)
    assert go_on() == VERIFY
    assert world.end() == done(OLD)


def test_without_an_upgrade_under_way_nothing_is_done(world, go_on):
    assert go_on() == ()
    assert world.steps == []


def test_everything_that_is_in_the_way_is_told_at_once_and_nothing_is_changed(world):
    world.has["node2"] = (OLD,)
    world.silent.add("node3")
    before = world.end()
    with pytest.raises(WrongState) as refused:
        world.upgrade.begin("4.2.0")
    assert refused.value.message.splitlines() == [
        "The cluster cannot go over to 4.2.0; nothing was changed.",
        "This node does not have 4.2.0 (installed: 4.0.0, 4.1.0); run its './run install' there",
        "node2 does not have 4.2.0 (installed: 4.0.0); run its './run install' there",
        "node3 does not answer: Node node3 cannot be reached; mark it offline if it is down",
    ]
    assert world.end() == before


OLDER = "3.9"


def add_older(world, form=FORMAT - 1):
    """A version that knows an older format of the state."""
    world.install(OLDER, form=form)
    world.has = dict.fromkeys(world.others, (OLDER, OLD))


def position(world):
    store = SqliteStore(world.paths.store)
    try:
        return store.position()
    finally:
        store.close()


def store_of(world, state):
    store = SqliteStore(world.paths.store)
    asyncio.run(stored(state, store))
    store.close()


def test_going_back_to_a_version_with_an_older_format_converts_the_state_and_its_replicas(world, go_on):
    add_older(world)
    before = position(world)
    world.upgrade.begin(OLDER)
    assert go_on() == VERIFY
    assert world.end() == done(OLDER)
    assert position(world) == Position(FORMAT - 1, before.revision + 1)
    candidates = {node.name for node in first_state(nodes=4).candidates} & world.others.keys()
    assert world.replicas == dict.fromkeys(candidates, FORMAT - 1)
    assert candidates
    assert world.steps.index(("ReplaceStore", "node2")) < world.steps.index(("SwitchVersion", "node2"))
    kept = SqliteStore(world.paths.kept_store(OLD))
    assert kept.position() == before
    kept.close()


def test_a_candidate_that_is_silent_while_the_state_goes_back_is_named_and_holds_up_nothing(world, go_on):
    add_older(world)
    world.upgrade.begin(OLDER)
    world.silent.add("node2")
    upgrading_restart, upgrading.RESTART = upgrading.RESTART, -1.0
    try:
        assert go_on() == VERIFY
    finally:
        upgrading.RESTART = upgrading_restart
    assert "The replica on node2 stays as it is until the master reaches it: Node node2 cannot be reached" in world.told
    assert position(world).format == FORMAT - 1


def with_forthcoming(world):
    store = SqliteStore(world.paths.store)
    state = read_state(store)
    store.close()
    soon = Instance(
        uuid="s", name="soon1", primary_node=state.master.uuid, os="tiny", hypervisor="kvm", disk_template="diskless",
        forthcoming=True,
    )  # fmt: skip
    store_of(world, state.changed([soon]))


def test_what_older_software_would_take_for_something_else_is_named_and_nothing_is_changed(world):
    with_forthcoming(world)
    add_older(world, form=3)
    before = position(world)
    for attempt in (world.upgrade.begin, lambda target: foreseen(world.upgrade, target)):
        with pytest.raises(WrongState) as refused:
            attempt(OLDER)
        assert refused.value.message == (
            f"The cluster cannot go over to {OLDER}; nothing was changed.\n"
            "Software of format 3 knows no forthcoming instances, and would take them for some whose disks are lost: "
            "soon1. To go back, create them ('gnt-instance add --commit') or give them up ('gnt-instance remove')"
        )
    assert position(world) == before
    assert not world.paths.upgrade.exists()


def test_what_came_meanwhile_stops_it_before_a_node_is_switched_and_there_is_a_way_back(world, go_on):
    add_older(world, form=3)
    world.upgrade.begin(OLDER)
    with_forthcoming(world)
    before = position(world)
    with pytest.raises(StoreFailed, match=rf"soon1. To go back.*; put that right, then run .* --to {OLD}'"):
        go_on()
    assert position(world) == before
    assert Versions(world.paths).current() == OLD
    world.upgrade.begin(OLD)
    assert go_on() == VERIFY
    assert world.end() == done(OLD)


def test_a_state_that_this_command_does_not_know_is_left_to_the_one_that_wrote_it(world, monkeypatch):
    monkeypatch.setattr(upgrading, "FORMAT", FORMAT - 1)
    add_older(world)
    with pytest.raises(WrongState, match=rf"has format {FORMAT}, which this command does not know; run that of the"):
        world.upgrade.begin(OLDER)


def test_a_preview_tells_what_is_done_on_which_node_and_changes_nothing(world):
    world.jobs = [[7, 8]]
    before = world.end()
    told = list(foreseen(world.upgrade, NEW).lines())
    assert world.end() == before
    assert {step[0] for step in world.steps} == {"TellVersions", Method.QUERY_CONFIG_VALUES, Method.QUERY}
    assert not world.told
    assert "\n".join(told) == (
        "Would drain the job queue, and wait for jobs 7, 8\n"
        "Would stop ganeti-masterd and ganeti-rapi on this node; instances run on\n"
        f"Would keep the cluster's state, in format {FORMAT}, in {world.paths.kept_store(OLD)}\n"
        "Would switch node2 to 4.1.0 (runs 4.0.0; installed: 4.0.0, 4.1.0), and have its daemons restart\n"
        "Would switch node3 to 4.1.0 (runs 4.0.0; installed: 4.0.0, 4.1.0), and have its daemons restart\n"
        "Would switch this node to 4.1.0 (in use: 4.0.0; installed: 4.0.0, 4.1.0), and restart ganeti-noded, "
        "ganeti-confd, ganeti-mond\n"
        "Would start ganeti-masterd and ganeti-rapi of 4.1.0\n"
        "Would accept jobs again\n"
        "Would run 'gnt-cluster verify'\n"
        "Takes at most 60 minutes for jobs to end, then seconds without master daemon, remote API and watcher, or up "
        "to 120 if a node has to be waited for\n"
        "Risk: if jobs do not end in time, the queue is opened again and nothing is changed\n"
        "Risk: node4 is marked offline and keeps its version; run 'gnt-cluster upgrade --to 4.1.0' again when it is "
        "back\n"
        "Risk: a node that does not come back with the new version is named, and holds up no other\n"
        "Risk: if the master daemon of 4.1.0 does not start, there is none until 'gnt-cluster upgrade --resume', or "
        "'gnt-cluster upgrade --to 4.0.0', which goes back\n"
        "Checked only; nothing was changed"
    )


@pytest.mark.parametrize(
    ("form", "told"),
    [
        (FORMAT - 1, f"Would convert the state to format {FORMAT - 1}, which 4.1.0 reads; nothing of it is lost"),
        (
            FORMAT + 1,
            f"Would start {' and '.join(MASTER_DAEMONS)} of 4.1.0, which convert the state to format {FORMAT + 1}",
        ),
    ],
)
def test_a_preview_tells_of_a_change_of_the_states_format(world, form, told):
    world.install(NEW, form=form)
    assert told in list(foreseen(world.upgrade, NEW).lines())


def test_a_preview_of_what_is_left_begins_where_it_was_interrupted(world, go_on, monkeypatch):
    assert foreseen(world.upgrade, None).changes == ("change nothing: no upgrade is under way",)
    world.upgrade.begin(NEW)
    world.last = len(world.steps) + 8  # when nodes are switched
    with pytest.raises(Killed):
        go_on()
    world.last = None
    assert world.upgrade.intent.stage == "switching"
    world.silent.add("node3")
    before, intent = world.end(), world.upgrade.intent
    told = list(foreseen(world.upgrade, None).lines())
    assert (world.end(), world.upgrade.intent) == (before, intent)
    assert told[0].startswith("Would switch node2 to 4.1.0 (")
    assert told[1] == "Would switch node3 to 4.1.0 if it answers by then"
    assert (
        "Risk: node3 does not answer (Node node3 cannot be reached) and may keep its version; run 'gnt-cluster "
        "upgrade --to 4.1.0' again when it is back"
    ) in told


def test_what_all_nodes_run_is_no_upgrade(world):
    with pytest.raises(WrongState, match=r"All nodes run 4\.0\.0 already"):
        world.upgrade.begin(OLD)


def test_software_that_is_installed_in_another_way_is_left_alone(world):
    (world.paths.software / "current").unlink()
    with pytest.raises(EnvironmentUnfit, match="on every node"):
        world.upgrade.begin(NEW)


def test_jobs_that_do_not_end_are_named_and_the_queue_is_open_again(world, go_on, monkeypatch):
    monkeypatch.setattr(upgrading, "JOBS", -1.0)
    world.jobs = [[*range(12)]]
    world.upgrade.begin(NEW)
    with pytest.raises(WrongState, match="jobs 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more did not end"):
        go_on()
    assert world.end() == done(OLD)


def test_a_queue_that_was_drained_stays_so(world, go_on):
    world.drained = True
    world.upgrade.begin(NEW)
    assert go_on() == ()
    assert world.drained


def test_a_node_that_does_not_go_over_holds_up_no_other_and_can_follow(world, go_on, monkeypatch):
    monkeypatch.setattr(upgrading, "RESTART", -1.0)
    world.stuck.add("node2")
    world.upgrade.begin(NEW)
    assert go_on() == VERIFY
    assert world.others == {"node2": OLD, "node3": NEW}
    assert f"node2 did not go over to {NEW}: its node daemon runs {OLD} still after -1 seconds" in world.told
    world.stuck.clear()
    world.upgrade.begin(NEW)
    assert go_on() == VERIFY
    assert world.end() == done(NEW)


def test_a_master_daemon_that_takes_its_time_is_waited_for(world, go_on):
    world.upgrade.begin(NEW)
    stop = world.stop

    def stopped(daemon):
        stop(daemon)
        world.shy = 3

    world.stop = stopped
    assert go_on() == VERIFY
    assert world.end() == done(NEW)


def test_a_version_that_does_not_start_says_how_to_go_on_and_there_is_a_way_back(world, go_on, monkeypatch):
    world.broken = {Daemon.MASTER}
    world.upgrade.begin(NEW)
    with pytest.raises(
        ExecutionFailed,
        match=rf"did not start: no; put that right, .* --resume', or go back with 'gnt-cluster upgrade --to {OLD}'",
    ):
        go_on()
    world.broken, world.silent = set(), {"node3"}
    world.upgrade.begin(OLD)
    assert go_on() == VERIFY
    assert Versions(world.paths).current() == OLD
    assert world.others == {"node2": OLD, "node3": NEW}
    assert [told for told in world.told if "node3" in told][:1]


def test_a_damaged_file_is_not_guessed_at(world):
    world.paths.upgrade.write_text("{")
    with pytest.raises(EnvironmentUnfit, match="is damaged"):
        world.upgrade.go_on()


def test_a_copy_that_cannot_be_made_stops_it_with_a_word_of_how_to_go_on(world, go_on):
    world.paths.kept_store(OLD).mkdir()
    world.upgrade.begin(NEW)
    with pytest.raises(StoreFailed, match=r"cannot be copied.*put that right, then run 'gnt-cluster upgrade --resume'"):
        go_on()
    world.paths.kept_store(OLD).rmdir()
    assert go_on() == VERIFY
    assert world.end() == done(NEW)
