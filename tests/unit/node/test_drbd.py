# SPDX-License-Identifier: BSD-2-Clause
"""Mirrored disks, by what drbdsetup 9.22 of Debian 12 was seen to say of its kernel's DRBD 8.4.11."""

import json
from collections import defaultdict
from pathlib import Path

import pytest
from msgspec.structs import replace

from ganeti.errors import EnvironmentUnfit, ExecutionFailed, UnknownEntity, WrongInput, WrongState
from ganeti.host.paths import Paths
from ganeti.host.process import Finished
from ganeti.model.disk import Disk, DiskTemplate, DiskUse, Mirror
from ganeti.model.guest import Peer
from ganeti.model.parameters.disk import DrbdParameters
from ganeti.node.storage.drbd import holding
from ganeti.node.storage.drbd.commands import Drbd
from ganeti.node.storage.drbd.driver import DrbdStorage
from ganeti.node.storage.drbd.options import disk_options, net_options
from ganeti.node.storage.drbd.replica import replica_of
from ganeti.node.storage.drbd.status import parse_connection, parse_events, parse_finish
from ganeti.node.storage.lvm.volumes import Volumes
from ganeti.rpc.server import Report

SECRET = "0123456789abcdef"
DISK = Disk(
    uuid="r0",
    template=DiskTemplate.DRBD,
    size=64,
    location="xenvg/r0.disk0_data",
    nodes=("uuid1", "uuid2"),
    mirror=Mirror(port=11000, minors=(0, 7), secret=SECRET, metadata="xenvg/r0.disk0_meta"),
)
PEERS = (Peer("uuid1", "node1", "10.78.1.1"), Peer("uuid2", "node2", "10.78.1.2"))

SYNCHRONISING = """\
exists resource name:r0 role:Primary suspended:no write-ordering:flush
exists connection name:r0 peer-node-id:0 conn-name:peer connection:Connected role:Secondary congested:no
exists device name:r0 volume:0 minor:0 disk:UpToDate size:65536 read:10192 written:0 al-writes:8 bm-writes:0 \
upper-pending:0 lower-pending:0 al-suspended:no blocked:no
exists peer-device name:r0 peer-node-id:0 conn-name:peer volume:0 replication:SyncSource peer-disk:Inconsistent \
resync-suspended:no received:0 sent:10192 out-of-sync:49152 pending:0 unacked:3
exists -
"""
PROC = """\
version: 8.4.11 (api:1/proto:86-101)
srcversion: F73C670A7EC572DB9CF3E5B
 0: cs:SyncSource ro:Primary/Secondary ds:UpToDate/Inconsistent C r-----
    ns:8944 nr:0 dw:0 dr:8944 al:8 bm:0 lo:0 pe:13 ua:0 ap:0 ep:1 wo:f oos:57600
\t[==>.................] sync'ed: 17.7% (57600/65536)K
\tfinish: 0:00:28 speed: 1,984 (1,984) K/sec

 2: cs:Connected ro:Secondary/Secondary ds:UpToDate/UpToDate C r-----
    ns:0 nr:0 dw:0 dr:0 al:8 bm:0 lo:0 pe:0 ua:0 ap:0 ep:1 wo:f oos:0
"""
SHOWN = """\
resource r0 {
    options {
    }
    net {
        allow-two-primaries	yes;
        cram-hmac-alg   	"md5";
        shared-secret   	"s3cret";
    }
    _remote_host {
        address			ipv4 10.78.1.2:11000;
    }
    _this_host {
        address			ipv4 10.78.1.1:11000;
        volume 0 {
            device			minor 0;
            disk			"/dev/xenvg/data";
            meta-disk			"/dev/xenvg/meta" [ 0 ];
        }
    }
}
"""
# By state, what DRBD 9 says of it: as JSON for its users, and as the events that are parsed.
OF_DRBD_9 = {
    name: answers.split("---\n")
    for name, _, answers in (
        piece.partition("\n") for piece in Path(__file__).with_name("drbd9.txt").read_text().split("=== ")[1:]
    )
}

RECORDED_OF_DRBD_9 = dict(
    piece.split("\n", 1) for piece in Path(__file__).with_name("drbd9_recorded.txt").read_text().split("=== ")[1:]
)


def told(role="Secondary", disk="UpToDate", connection="Connected", peer_role="Secondary", peer_disk="UpToDate"):
    """What is said of the disk in a state."""
    if not connection:
        return f"exists resource name:r0 role:{role}\nexists device name:r0 volume:0 minor:0 disk:{disk} size:65536\n"
    return (
        f"exists resource name:r0 role:{role} suspended:no\n"
        f"exists connection name:r0 conn-name:peer connection:{connection} role:{peer_role}\n"
        f"exists device name:r0 volume:0 minor:0 disk:{disk} size:65536\n"
        f"exists peer-device name:r0 conn-name:peer volume:0 replication:Off peer-disk:{peer_disk} out-of-sync:0\n"
        "exists -\n"
    )


NOTHING = "exists -\n"
SHOWN_BY_ONE = SHOWN.replace("        allow-two-primaries\tyes;\n", "")
ALONE = {"connection": "Connecting", "peer_role": "Unknown", "peer_disk": "DUnknown"}


class Node:
    """One that says what it is told to: ``events`` one after the other, the last for ever."""

    def __init__(self, directory, *events, shown=SHOWN_BY_ONE, volumes=("data", "meta")):
        self.events, self.shown, self.volumes = list(events or [NOTHING]), shown, set(volumes)
        self.commands, self.asked, self.fails = [], defaultdict(int), {}
        for path, text in (("version", "8.4.11\n"), ("parameters/usermode_helper", "/bin/true\n")):
            file = directory / "sys/module/drbd" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        self.storage = DrbdStorage("node1", Paths(directory), Volumes(self.run), Drbd(self.run))

    async def run(self, *command, timeout):
        assert timeout
        verb = command[-1] if command[0] == "drbdmeta" else command[1] if command[0] == "drbdsetup" else command[0]
        self.asked[verb] += 1
        if verb in self.fails:
            if self.fails[verb] is None:
                raise ExecutionFailed(f"'{' '.join(command)}' did not finish")
            return Finished(command, 17, "", self.fails[verb])
        return Finished(command, 0, self._answer(verb, command), "")

    def _answer(self, verb, command):
        if verb == "events2":
            return self.events.pop(0) if len(self.events) > 1 else self.events[0]
        if verb == "show":
            return self.shown
        if verb == "lvs":
            return self._lvs()
        name = command[-1].rpartition("_")[2]
        if verb == "lvcreate":
            self.volumes.add(command[command.index("--name") + 1].rpartition("_")[2])
        if verb == "lvremove":
            self.volumes.discard(name)
        self.commands.append(" ".join(command).removeprefix("drbdsetup "))
        return ""

    def _lvs(self):
        sizes = {"data": 64, "meta": 128}
        rows = ",".join(
            f'{{"vg_name":"xenvg","lv_name":"r0.disk0_{name}","lv_size":"{sizes[name] * 1024**2}",'
            '"lv_attr":"-wi-a-----","lv_tags":"","vg_extent_size":"4194304",'
            '"pool_lv":"","data_percent":"","metadata_percent":""}'
            for name in sorted(self.volumes)
        )
        return f'{{"report":[{{"lv":[{rows}]}}]}}'

    @property
    def verbs(self):
        return [command.split()[0] for command in self.commands]

    async def hold(self, use, peers=PEERS, **more):
        return await self.storage.hold(DISK, peers, use, **more)


# What is said


def test_a_synchronisation_is_told_with_how_far_it_is_and_how_long_it_takes():
    (found,) = parse_events(SYNCHRONISING).values()
    status = found.status("/dev/drbd0", parse_finish(PROC)[0])
    assert (status.connection, status.role, status.disk, status.peer_disk) == (
        "SyncSource",
        "Primary",
        "UpToDate",
        "Inconsistent",
    )
    assert (status.synced, status.remaining) == (25.0, 28.0)
    assert status.degraded


@pytest.mark.parametrize("state", OF_DRBD_9)
def test_of_drbd_9_the_events_are_understood_as_what_it_tells_its_users(state):
    shown, events = OF_DRBD_9[state]
    (resource,) = json.loads(shown)
    (device,), (link,) = resource["devices"], resource["connections"]
    (peer,) = link["peer_devices"]
    (found,) = parse_events(events).values()
    assert (found.role, found.minor, found.disk) == (resource["role"], device["minor"], device["disk-state"])
    assert (found.size, found.missing) == (device["size"], peer["out-of-sync"])
    assert (found.connection, found.peer_role) == (link["connection-state"], link["peer-role"])
    assert (found.replication, found.peer_disk) == (peer["replication-state"], peer["peer-disk-state"])
    assert found.synced == (peer["percent-in-sync"] if peer["has-sync-details"] else None)
    assert found.status("/dev/drbd0", None).degraded == (state != "in sync")


def words(shown):
    """The names in it, at any depth."""
    match shown:
        case dict():
            return set(shown).union(*map(words, shown.values()))
        case list():
            return set[str]().union(*map(words, shown))
    return set[str]()


def test_what_was_recorded_of_drbd_9_is_understood():
    """Of several peers the first counts: disks of ours have one."""
    (found,) = parse_events(RECORDED_OF_DRBD_9["events2"]).values()
    assert (found.name, found.role, found.minor, found.disk, found.size) == (
        "drbd1",
        "Secondary",
        1,
        "UpToDate",
        765868,
    )
    assert (found.connection, found.peer_role, found.peer_disk, found.missing) == (
        "Connected",
        "Primary",
        "UpToDate",
        0,
    )
    assert not found.status("/dev/drbd1", None).degraded
    ends = parse_connection(RECORDED_OF_DRBD_9["show"]).ends
    assert ends == ("ipv4:192.168.122.35:7789", "ipv4:192.168.122.36:7789")


def test_what_is_made_up_of_drbd_9_has_the_words_of_what_was_recorded():
    shown, _ = OF_DRBD_9["in sync"]
    assert words(json.loads(RECORDED_OF_DRBD_9["status"])) <= words(json.loads(shown))


def test_only_what_is_being_synchronised_has_an_end():
    assert parse_finish(PROC) == {0: 28.0}
    assert parse_finish("") == {}


def test_a_connection_has_this_nodes_end_first_whatever_the_order_in_which_it_is_shown():
    found = parse_connection(SHOWN)
    assert found.ends == ("ipv4:10.78.1.1:11000", "ipv4:10.78.1.2:11000")
    assert found.two_primaries
    assert not parse_connection(SHOWN_BY_ONE).two_primaries
    assert parse_connection("resource r0 {\n    options {\n    }\n    _this_host {\n    }\n}\n") is None


async def test_what_has_changed_while_copies_refuse_each_other_is_told(tmp_path):
    apart = told(role="Primary", connection="StandAlone").replace("out-of-sync:0", "out-of-sync:12")
    (status,) = await Node(tmp_path, apart).storage.examine([DISK], PEERS)
    assert (status.mirror.connection, status.mirror.missing) == ("StandAlone", 12)


# What is asked


def test_each_node_has_its_own_number_of_the_device_and_its_own_end():
    one, two = replica_of("node1", DISK, PEERS), replica_of("node2", DISK, PEERS)
    assert (one.device, two.device) == ("/dev/drbd0", "/dev/drbd7")
    assert one.ends == tuple(reversed(two.ends)) == ("ipv4:10.78.1.1:11000", "ipv4:10.78.1.2:11000")


def test_addresses_may_be_of_version_6():
    peers = (replace(PEERS[0], address="fd00::1"), replace(PEERS[1], address="fd00::2"))
    assert replica_of("node1", DISK, peers).ends == ("ipv6:[fd00::1]:11000", "ipv6:[fd00::2]:11000")


@pytest.mark.parametrize(
    ("name", "disk", "peers"),
    [("node1", DISK, PEERS[:1]), ("node3", DISK, PEERS), ("node1", replace(DISK, mirror=None), PEERS)],
)
def test_a_disk_that_is_not_mirrored_with_a_known_node_is_refused(name, disk, peers):
    with pytest.raises(WrongInput, match="r0"):
        replica_of(name, disk, peers)


@pytest.mark.parametrize(
    ("wanted", "options"),
    [
        ({}, set()),
        ({"disk_barriers": "n"}, set()),
        ({"disk_barriers": "bf"}, {"--disk-barrier=no", "--disk-flushes=no"}),
        ({"disk_barriers": "bfd"}, {"--disk-barrier=no", "--disk-flushes=no", "--disk-drain=no"}),
        ({"meta_barriers": True}, {"--md-flushes=no"}),
        ({"disk_custom": "--al-extents=3389 --read-balancing 'prefer-local'"}, {"--al-extents=3389", "prefer-local"}),
    ],
)
def test_flushes_are_left_to_drbd_unless_they_are_disabled(wanted, options):
    found = disk_options(DrbdParameters(**wanted))
    assert options <= set(found)
    assert ("--disk-flushes=no" in found) == ("--disk-flushes=no" in options)
    assert ("--md-flushes=no" in found) == ("--md-flushes=no" in options)


def test_a_rate_is_either_fixed_or_found_by_drbd():
    fixed = disk_options(DrbdParameters(resync_rate=1000))
    assert {"--resync-rate=1000", "--c-plan-ahead=0"} <= set(fixed)
    found = disk_options(DrbdParameters(dynamic_resync=True, c_max_rate=5000))
    assert {"--c-plan-ahead=20", "--c-max-rate=5000"} <= set(found)
    assert not any("--resync-rate" in option for option in found)


def test_what_is_added_is_split_as_a_shell_does_or_refused():
    assert "a b" in net_options(DrbdParameters(net_custom="--x 'a b'"), SECRET, two_primaries=False)
    with pytest.raises(WrongInput, match="net-custom"):
        net_options(DrbdParameters(net_custom="'"), SECRET, two_primaries=False)


# Making and taking away


async def test_what_is_there_is_left_as_it_is_and_its_metadata_above_all(tmp_path):
    node = Node(tmp_path)
    await node.storage.create(DISK, PEERS, Report())
    assert node.commands == []


async def test_the_data_comes_last_so_that_a_copy_without_metadata_is_never_used(tmp_path):
    node = Node(tmp_path, volumes=["meta"])
    await node.storage.create(DISK, PEERS, Report())
    assert node.verbs == ["drbdmeta", "lvcreate"]
    assert node.volumes == {"data", "meta"}


@pytest.mark.parametrize("program", ["lvcreate", "create-md"])
async def test_of_a_copy_that_cannot_be_made_nothing_is_left(tmp_path, program):
    node = Node(tmp_path, volumes=[])
    node.fails[program] = "it failed"
    with pytest.raises(ExecutionFailed, match="it failed"):
        await node.storage.create(DISK, PEERS, Report())
    assert node.volumes == set()


async def test_a_node_without_a_usable_drbd_makes_nothing_and_says_what_to_do(tmp_path):
    node = Node(tmp_path, volumes=[])
    (tmp_path / "sys/module/drbd/parameters/usermode_helper").write_text("/sbin/drbdadm\n")
    with pytest.raises(EnvironmentUnfit, match="usermode_helper=/bin/true"):
        await node.storage.create(DISK, PEERS, Report())
    (tmp_path / "sys/module/drbd/version").unlink()
    with pytest.raises(EnvironmentUnfit, match="modprobe drbd"):
        await node.storage.create(DISK, PEERS, Report())
    assert node.commands == []


async def test_removing_takes_the_resource_down_and_both_volumes_away(tmp_path):
    node = Node(tmp_path, told())
    await node.storage.remove(DISK, PEERS)
    assert node.commands[0] == "down r0"
    assert node.volumes == set()


@pytest.mark.parametrize("touch", ["release", "remove"])
async def test_a_disk_that_is_used_here_stays(tmp_path, touch):
    node = Node(tmp_path, told(role="Primary"))
    with pytest.raises(WrongState, match="is used on node1"):
        await getattr(node.storage, touch)(DISK, PEERS)
    assert node.commands == []


# Holding


async def test_to_stand_by_is_to_be_attached_and_to_try_to_connect(tmp_path):
    node = Node(tmp_path, NOTHING, told(connection=""))
    node.shown = ""
    opened = await node.hold(DiskUse.STANDBY)
    assert (opened.path, opened.block) == ("/dev/drbd0", True)
    assert node.verbs == ["new-resource", "new-minor", "drbdmeta", "attach", "connect"]
    assert node.commands[2].endswith("apply-al")
    assert f"--shared-secret={SECRET}" in node.commands[-1]
    assert "--allow-two-primaries=no" in node.commands[-1]
    assert "/dev/xenvg/r0.disk0_data /dev/xenvg/r0.disk0_meta 0" in node.commands[3]


async def test_whoever_used_it_stops_to_before_it_stands_by(tmp_path):
    node = Node(tmp_path, told(role="Primary"), shown=SHOWN)
    await node.hold(DiskUse.STANDBY)
    assert node.commands == [
        "secondary 0",
        "net-options ipv4:10.78.1.1:11000 ipv4:10.78.1.2:11000 --allow-two-primaries=no",
    ]


async def test_what_is_as_it_should_be_is_left_so(tmp_path):
    node = Node(tmp_path, told(role="Primary"))
    await node.hold(DiskUse.OWN)
    assert node.commands == []


async def test_a_node_waits_for_the_other_one_before_it_uses_a_disk(tmp_path):
    node = Node(tmp_path, told(**ALONE), told(**ALONE), told())
    await node.hold(DiskUse.OWN)
    assert node.verbs == ["wait-connect", "primary"]
    assert "--force" not in node.commands[-1]


async def test_a_disk_that_is_in_use_already_waits_for_no_other_node(tmp_path):
    node = Node(tmp_path, told(role="Primary", **ALONE))
    await node.hold(DiskUse.OWN)
    assert node.verbs == []


async def test_a_node_that_is_marked_offline_is_not_waited_for(tmp_path):
    node = Node(tmp_path, told(**ALONE))
    await node.hold(DiskUse.OWN, peers=(PEERS[0], replace(PEERS[1], offline=True)))
    assert node.commands == ["primary 0 --force"]


@pytest.mark.parametrize("state", ["Consistent", "Outdated", "Inconsistent"])
async def test_a_copy_that_may_have_missed_writes_is_used_alone_only_by_force(tmp_path, state):
    node = Node(tmp_path, told(disk=state, **ALONE))
    with pytest.raises(WrongState, match=f"not up to date.*{state}.*node2 back"):
        await node.hold(DiskUse.OWN)
    assert "primary" not in node.verbs
    await node.hold(DiskUse.OWN, force=True)
    assert node.commands[-1] == "primary 0 --force"


async def test_copies_that_refuse_each_other_are_tried_once_more_and_then_left_to_people(tmp_path):
    node = Node(tmp_path, told(connection="StandAlone"))
    with pytest.raises(WrongState, match=r"split brain.*invalidate 0.*node1.*invalidate 7.*node2"):
        await node.hold(DiskUse.OWN)
    assert node.verbs == ["connect"]


async def test_a_connection_to_where_the_other_copy_was_before_is_given_up(tmp_path):
    node = Node(tmp_path, told(), shown=SHOWN_BY_ONE.replace("10.78.1.2", "10.78.1.3"))
    await node.hold(DiskUse.STANDBY)
    assert node.commands[0] == "disconnect ipv4:10.78.1.1:11000 ipv4:10.78.1.3:11000"
    assert node.verbs[1:] == ["connect"]


async def test_a_disk_is_shared_only_if_the_node_that_uses_it_has_allowed_it(tmp_path):
    node = Node(tmp_path, told(peer_role="Primary"))
    with pytest.raises(WrongState, match="used on its other node, node2"):
        await node.hold(DiskUse.SHARED)
    assert node.commands == []
    node.shown = SHOWN
    await node.hold(DiskUse.SHARED)
    assert node.commands == ["primary 0"]


async def test_a_disk_is_shared_only_with_a_node_that_is_connected(tmp_path):
    node = Node(tmp_path, told(role="Primary", **ALONE), shown=SHOWN)
    with pytest.raises(WrongState, match="not connected"):
        await node.hold(DiskUse.SHARED)


async def test_a_disk_that_another_node_uses_is_not_had_here(tmp_path):
    node = Node(tmp_path, told(peer_role="Primary"))
    node.fails["primary"] = "0: State change failed: (-1) Multiple primaries not allowed by config\n"
    with pytest.raises(WrongState, match="used on its other node"):
        await node.hold(DiskUse.OWN)


async def test_a_disk_that_a_program_has_open_is_told_if_it_does_not_close_it_soon(tmp_path, monkeypatch):
    monkeypatch.setattr(holding, "_PAUSE", 0)
    node = Node(tmp_path, told(role="Primary"))
    node.fails["secondary"] = "0: State change failed: (-12) Device is held open by someone\n"
    with pytest.raises(WrongState, match="a program has it open"):
        await node.hold(DiskUse.STANDBY)
    assert node.asked["secondary"] == holding._ATTEMPTS


async def test_a_device_that_another_disk_has_is_left_to_it(tmp_path):
    node = Node(tmp_path, told().replace("name:r0", "name:r1"))
    with pytest.raises(WrongState, match=r"disk r1 has it.*drbdsetup down r1"):
        await node.hold(DiskUse.STANDBY)
    assert node.commands == []


async def test_a_disk_without_its_volumes_is_not_there(tmp_path):
    node = Node(tmp_path, volumes=["meta"])
    with pytest.raises(UnknownEntity, match=r"xenvg/r0\.disk0_data"):
        await node.hold(DiskUse.STANDBY)


@pytest.mark.parametrize("said", [None, "r0: Failure: (102) Local address(port) already in use.\n"])
async def test_no_error_tells_the_secret(tmp_path, said):
    node = Node(tmp_path, told(connection=""))
    node.shown = ""
    node.fails["connect"] = said
    with pytest.raises(ExecutionFailed) as raised:
        await node.hold(DiskUse.STANDBY)
    assert SECRET not in raised.value.message


# Looking and growing


async def test_any_number_of_disks_is_looked_at_with_one_command_each_of_lvm_and_drbd(tmp_path):
    node = Node(tmp_path, SYNCHRONISING)
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/drbd").write_text(PROC)
    found = await node.storage.examine([DISK] * 5, PEERS)
    assert len(found) == 5
    assert (node.asked["lvs"], node.asked["events2"]) == (1, 1)
    assert (found[0].path, found[0].size, found[0].problem) == ("/dev/drbd0", 64, "")
    assert found[0].mirror.remaining == 28.0


async def test_a_disk_that_is_not_held_has_no_device_and_one_without_metadata_a_problem(tmp_path):
    node = Node(tmp_path)
    (status,) = await node.storage.examine([DISK], PEERS)
    assert (status.path, status.size, status.problem, status.mirror) == ("", 64, "", None)
    node.volumes.remove("meta")
    (status,) = await node.storage.examine([DISK], PEERS)
    assert "xenvg/r0.disk0_meta" in status.problem


async def test_a_device_grows_when_drbd_has_found_that_both_copies_have(tmp_path):
    grown = told(role="Primary").replace("65536", "131072")
    node = Node(tmp_path, told(role="Primary"), told(role="Primary"), grown)
    await node.storage.grow(DISK, 128, PEERS, Report())
    assert node.commands == ["resize 0"]
    await node.storage.grow(DISK, 128, PEERS, Report())
    assert node.commands == ["resize 0"]


async def test_a_disk_that_is_not_active_cannot_grow(tmp_path):
    with pytest.raises(UnknownEntity, match="not active on node1"):
        await Node(tmp_path).storage.grow(DISK, 128, PEERS, Report())
