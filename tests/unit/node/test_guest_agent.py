# SPDX-License-Identifier: BSD-2-Clause
"""Agents in guests, and what else may write to their port."""

import asyncio
import base64
import json
import os
from types import SimpleNamespace

import pytest

from ganeti.errors import HypervisorFailed
from ganeti.model.guest_agent import MOST_INTERFACES, MOST_OUTPUT, interfaces_of
from ganeti.model.guest_state import GuestState
from ganeti.model.printable import printable
from ganeti.node.hypervisor.kvm import agent, agent_channel
from ganeti.node.hypervisor.kvm.agent import Agent


class Port:
    """QEMU's end of the port: it serves one connection after the other, by ``answers`` to each command."""

    def __init__(self, path):
        self.path = path
        self.answers = {}
        self.asked = []
        self.first = b""  # what it writes before it is asked
        self.silent = False
        self.at_once = 0
        self.most_at_once = 0

    async def open(self):
        self._server = await asyncio.start_unix_server(self._serve, self.path)

    def close(self):
        self._server.close()

    async def _serve(self, reader, writer):
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            writer.write(self.first)
            while line := await reader.readline():
                if not self.silent:
                    await self._answer(json.loads(line.lstrip(b"\xff")), writer)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self.at_once -= 1
            writer.close()

    async def _answer(self, asked, writer):
        command, arguments = asked["execute"], asked["arguments"]
        answer = self.answers.get(command)
        if command == "guest-sync-delimited" and answer is None:
            writer.write(b'\xff{"return": %d}\n' % arguments["id"])
            return
        self.asked.append((command, arguments))
        if callable(answer):
            await answer(writer, arguments)
        elif isinstance(answer, bytes):
            writer.write(answer)
        elif answer is not None:
            writer.write(json.dumps({"return": answer}).encode() + b"\n")


class Guest:
    """A running machine, as far as its agent is concerned."""

    def __init__(self, directory):
        self.name = "guest1"
        self.record = SimpleNamespace(guest=SimpleNamespace(hvparams={"use_guest_agent": True}), frozen=False)
        self.directory = SimpleNamespace(path=directory)
        self.process = SimpleNamespace(pid=os.getpid())
        self.state, self.why, self.gone, self.listens = GuestState.RUNNING, "", False, True

    async def execute(self, command):
        assert command == "query-chardev"
        return [{"label": "serial0", "frontend-open": True}, {"label": "agent0", "frontend-open": self.listens}]

    def note_frozen(self, *, frozen):
        self.record.frozen = frozen


@pytest.fixture
async def port(tmp_path):
    made = Port(tmp_path / "agent")
    await made.open()
    yield made
    made.close()


@pytest.fixture
def guest(tmp_path):
    return Guest(tmp_path)


@pytest.fixture
async def asked(guest, port):
    made = Agent(guest)
    yield made
    made.forget()


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(agent_channel, "_SYNC", 0.05)


INTERFACES = [
    {"name": "lo", "ip-addresses": [{"ip-address": "127.0.0.1", "prefix": 8, "ip-address-type": "ipv4"}]},
    {
        "name": "eth0",
        "hardware-address": "AA:00:00:12:34:56",
        "statistics": {},
        "ip-addresses": [{"ip-address": "192.0.2.7", "prefix": 24}, {"ip-address": "fe80::1%eth0", "prefix": 64}],
    },
    {"name": "eth1"},
]


async def test_it_tells_the_addresses_of_its_interfaces(asked, port):
    port.answers["guest-network-get-interfaces"] = INTERFACES
    (eth0,) = await asked.interfaces()
    assert (eth0.name, eth0.mac, eth0.addresses) == ("eth0", "aa:00:00:12:34:56", ("192.0.2.7/24", "fe80::1/64"))


async def test_what_was_written_before_is_no_answer(asked, port):
    port.first = b'{"return": [{"name": "old"}]}\n\xff{"return": 7}\n\xff{"ret\xff garbage \xff\n'
    port.answers["guest-network-get-interfaces"] = INTERFACES
    assert [one.name for one in await asked.interfaces()] == ["eth0"]


@pytest.mark.parametrize(
    "answer",
    [
        b"garbage\n",
        b'{"return": "eth0"}\n',
        b'{"return": [{"name": 7}]}\n',
        b"{}\n",
        b'"return"\n',
        b'{"return": ' + 5000 * b"[" + 5000 * b"]" + b"}\n",
        b'{"return": "\xc3\x28"}\n',
    ],
)
async def test_an_answer_that_is_none_is_an_error(asked, port, answer):
    port.answers["guest-network-get-interfaces"] = answer
    with pytest.raises(HypervisorFailed, match="its answer to 'guest-network-get-interfaces' is not valid"):
        await asked.interfaces()


async def test_a_refusal_is_told_in_the_agents_words_without_what_a_terminal_obeys(asked, port):
    port.answers["guest-set-time"] = (
        json.dumps({"error": {"class": "GenericError", "desc": "not\x1b[2Jhere" + 1000 * "x"}}).encode() + b"\n"
    )
    with pytest.raises(HypervisorFailed, match="refuses 'guest-set-time': not\N{REPLACEMENT CHARACTER}") as failed:
        await asked.set_time(1.0)
    assert "\x1b" not in failed.value.message
    assert len(failed.value.message) < 700


async def test_a_silent_one_costs_a_bounded_wait(asked, port, impatient):
    port.silent = True
    with pytest.raises(HypervisorFailed, match="it has not answered for"):
        await asked.interfaces()
    port.silent = False
    port.answers["guest-network-get-interfaces"] = []
    assert await asked.interfaces() == ()


async def test_one_that_answers_drop_by_drop_is_given_up(asked, port, monkeypatch):
    async def drip(writer, arguments):
        while not writer.is_closing():
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.001)

    monkeypatch.setattr(agent_channel.AgentChannel.ask, "__kwdefaults__", {"timeout": 0.05, "most": 1000000})
    port.answers["guest-network-get-interfaces"] = drip
    with pytest.raises(HypervisorFailed, match="has not answered 'guest-network-get-interfaces' for"):
        await asked.interfaces()


async def flood(writer, arguments):
    while not writer.is_closing():
        writer.write(65536 * b"x")
        await writer.drain()
        await asyncio.sleep(0)


async def test_an_answer_without_end_is_not_read(asked, port):
    port.answers["guest-network-get-interfaces"] = flood
    with pytest.raises(HypervisorFailed, match="more than 1048576 bytes"):
        await asked.interfaces()


@pytest.mark.parametrize("mark", [b"", b"\xff"])
async def test_nor_what_is_written_without_end_beforehand(asked, port, mark):
    async def endless(writer, arguments):
        writer.write(mark)
        await flood(writer, arguments)

    port.answers["guest-sync-delimited"] = endless
    with pytest.raises(HypervisorFailed, match=r"it writes without end|more than"):
        await asked.interfaces()


async def test_little_is_kept_of_what_is_no_sign_that_it_listens(asked, port):
    async def endless(writer, arguments):
        writer.write(b"\xff")
        await flood(writer, arguments)

    port.answers["guest-sync-delimited"] = endless
    with pytest.raises(HypervisorFailed, match="more than 4096 bytes"):
        await asked.interfaces()


async def test_others_are_served_while_one_floods(asked, port):
    port.answers["guest-sync-delimited"] = flood
    turns = 0

    async def others():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    working = asyncio.create_task(others())
    with pytest.raises(HypervisorFailed):
        await asked.interfaces()
    working.cancel()
    assert turns > 10


async def test_questions_are_asked_one_after_the_other(asked, port):
    port.answers["guest-network-get-interfaces"] = INTERFACES
    await asyncio.gather(*(asked.interfaces() for _ in range(5)))
    assert port.most_at_once == 1


async def test_a_guest_without_an_agent_is_not_asked(asked, guest, port):
    guest.listens = False
    with pytest.raises(HypervisorFailed, match="no agent runs in it"):
        await asked.interfaces()
    guest.state, guest.why = GuestState.IO_ERROR, "disk/0: no space left"
    with pytest.raises(HypervisorFailed, match=r"it is io-error \(disk/0: no space left\)"):
        await asked.interfaces()
    guest.record.guest.hvparams["use_guest_agent"] = False
    with pytest.raises(HypervisorFailed, match="without a channel for an agent"):
        await asked.interfaces()
    assert port.asked == []


async def test_a_port_that_nobody_serves_is_an_error(guest):
    with pytest.raises(HypervisorFailed, match="channel of the agent in instance guest1 cannot be used"):
        await Agent(guest).interfaces()


async def test_a_socket_that_another_process_listens_at_is_not_written_to(asked, guest, port):
    guest.process.pid += 1
    with pytest.raises(HypervisorFailed, match="it is not QEMU's"):
        await asked.interfaces()
    assert port.asked == []


async def test_one_that_hangs_up_is_an_error(asked, port):
    async def leave(writer, arguments):
        writer.close()

    port.answers["guest-network-get-interfaces"] = leave
    with pytest.raises(HypervisorFailed, match="has closed the channel"):
        await asked.interfaces()


async def test_a_shutdown_that_is_not_refused_is_under_way(asked, port, monkeypatch):
    monkeypatch.setattr(agent, "_REFUSAL", 0.01)
    assert await asked.shut_down(60) == ""
    assert port.asked == [("guest-shutdown", {"mode": "powerdown"})]
    port.answers["guest-shutdown"] = b'{"error": {"desc": "no such program"}}\n'
    assert await asked.shut_down(60) == "The agent in instance guest1 refuses 'guest-shutdown': no such program"


async def test_what_is_frozen_is_noted_until_it_is_thawed(asked, guest, port):
    port.answers |= {"guest-fsfreeze-freeze": 2, "guest-fsfreeze-thaw": 2}
    assert await asked.freeze() == 2
    assert guest.record.frozen
    assert await asked.thaw()
    assert not guest.record.frozen


async def test_a_freeze_ends_by_itself(asked, guest, port, monkeypatch):
    monkeypatch.setattr(agent, "LONGEST_FREEZE", 0.0)
    port.answers |= {"guest-fsfreeze-freeze": 2, "guest-fsfreeze-thaw": 2}
    await asked.freeze()
    await asked._thawing
    assert not guest.record.frozen
    assert not await asked.thaw()


async def test_a_freeze_that_fails_is_undone(asked, guest, port):
    port.answers |= {"guest-fsfreeze-freeze": b'{"error": {"desc": "busy"}}\n', "guest-fsfreeze-thaw": 0}
    with pytest.raises(HypervisorFailed, match="busy"):
        await asked.freeze()
    await asked._thawing
    assert [command for command, _ in port.asked] == ["guest-fsfreeze-freeze", "guest-fsfreeze-thaw"]
    assert not guest.record.frozen


async def test_thawing_is_tried_until_it_succeeds(asked, guest, port, monkeypatch):
    monkeypatch.setattr(agent, "_THAW_AGAIN", 0.0)
    port.answers |= {"guest-fsfreeze-freeze": 1, "guest-fsfreeze-thaw": b'{"error": {"desc": "busy"}}\n'}
    await asked.freeze()
    with pytest.raises(HypervisorFailed, match="busy"):
        await asked.thaw()
    assert guest.record.frozen
    port.answers["guest-fsfreeze-thaw"] = 1
    await asked._thawing
    assert not guest.record.frozen


async def test_what_an_earlier_node_daemon_has_left_frozen_is_thawed(asked, guest, port):
    port.answers["guest-fsfreeze-thaw"] = 1
    guest.record.frozen = True
    asked.take_up()
    await asked._thawing
    assert not guest.record.frozen


def ended(code=0, output=b"", errors=b"", **more):
    told = {"exited": True, "exitcode": code, **more}
    for name, data in (("out-data", output), ("err-data", errors)):
        told |= {name: base64.b64encode(data).decode()} if data else {}
    return told


async def test_a_command_is_waited_for(asked, port, monkeypatch):
    monkeypatch.setattr(agent, "_FIRST_LOOK", 0.0)
    looks = iter([{"exited": False}, ended(3, b"out\xff\n", b"err")])

    async def look(writer, arguments):
        writer.write(json.dumps({"return": next(looks)}).encode() + b"\n")

    port.answers |= {"guest-exec": {"pid": 77}, "guest-exec-status": look}
    done = await asked.execute("ls", ("-l", "/"), timeout=60)
    assert (done.status, done.output, done.errors, done.cut) == (3, "out\ufffd\n", "err", False)
    assert port.asked[0] == ("guest-exec", {"path": "ls", "arg": ["-l", "/"], "capture-output": True})
    assert port.asked[-1] == ("guest-exec-status", {"pid": 77})


async def test_a_command_that_keeps_its_guest_busy_is_waited_for_too(asked, port, monkeypatch, impatient):
    monkeypatch.setattr(agent, "_FIRST_LOOK", 0.0)

    async def begin(writer, arguments):
        writer.write(b'{"return": {"pid": 1}}\n')
        port.silent = True
        asyncio.get_running_loop().call_later(0.2, setattr, port, "silent", False)

    port.answers |= {"guest-exec": begin, "guest-exec-status": ended()}
    assert (await asked.execute("busy", (), timeout=60)).status == 0


async def test_what_a_command_writes_is_limited(asked, port, monkeypatch):
    monkeypatch.setattr(agent, "_FIRST_LOOK", 0.0)
    port.answers |= {"guest-exec": {"pid": 1}, "guest-exec-status": ended(0, MOST_OUTPUT * b"x" + b"y")}
    done = await asked.execute("yes", (), timeout=60)
    assert (done.output, done.cut) == (MOST_OUTPUT * "x", True)
    monkeypatch.setattr(agent, "MOST_EXECUTED", 1000)
    with pytest.raises(HypervisorFailed, match="more than 1000 bytes"):
        await asked.execute("yes", (), timeout=60)


async def test_a_command_that_does_not_end_goes_on_in_the_guest(asked, port):
    port.answers |= {"guest-exec": {"pid": 5}, "guest-exec-status": {"exited": False}}
    with pytest.raises(HypervisorFailed, match="it goes on there as process 5"):
        await asked.execute("sleep", ("60",), timeout=0.0)


def test_interfaces_are_as_many_as_is_sensible_and_words_are_harmless():
    many = [(f"eth{n}\n\x1b]0;", "no mac", 100 * [("192.0.2.1", 24)]) for n in range(100)]
    found = interfaces_of(many)
    assert len(found) == MOST_INTERFACES
    assert found[0].name == "eth0\ufffd\ufffd]0;"
    assert (found[0].mac, len(found[0].addresses)) == ("", 32)
    nothing = [("lo", "", [("::1", 128)]), ("a", "", [("nonsense", 24), ("192.0.2.1", 99), ("0.0.0.0", 0)])]
    assert interfaces_of(nothing) == ()
    assert printable("x" * 100, 5) == "xxxxx..."


def test_addresses_are_not_read_without_end():
    read = 0

    def endless():
        nonlocal read
        while True:
            read += 1
            yield "nonsense", 24

    assert interfaces_of([("eth0", "", endless()), ("eth1", "", endless())]) == ()
    assert read < 10_000
    assert len(interfaces_of([(f"veth{n}", "", 50 * [("fe80::1%eth0", 64)]) for n in range(40)])) == MOST_INTERFACES
