# SPDX-License-Identifier: BSD-2-Clause
"""What the master knows of the guests of a node, also of one whose stream of events is lost."""

import asyncio

import msgspec
import pytest

from ganeti.errors import NodeUnreachable
from ganeti.model.guest_state import GuestState
from ganeti.model.node import Node
from ganeti.model.report import GuestEvent
from ganeti.rpc import watch
from ganeti.rpc.call import Line
from ganeti.rpc.watch import LiveView

NODE = Node(uuid="n1", name="node1", primary_ip="10.0.0.1", group="g")


class Streams:
    """A NodeClient whose streams a test begins, feeds and breaks."""

    def __init__(self):
        self.waiting = asyncio.Queue()
        self.listener = self.broken = None

    async def call(self, node, call, listener):
        self.listener, self.broken = listener, asyncio.Event()
        self.waiting.put_nowait(None)
        await self.broken.wait()
        raise NodeUnreachable("lost")

    async def begun(self):
        """Wait for the next attempt."""
        await self.waiting.get()

    def event(self, uuid, state=GuestState.RUNNING, **more):
        event = GuestEvent(uuid, uuid, state, **{"hypervisor": "fake", **more})
        self.listener(Line(event=msgspec.Raw(msgspec.json.encode(event))))

    def complete(self, *guests, unknown=()):
        for guest in guests:
            self.event(guest)
        self.event("", unknown=unknown)

    async def lose(self):
        """Break the stream; the next attempt has begun when this returns."""
        self.broken.set()
        await self.begun()


@pytest.fixture
async def streams(monkeypatch):
    monkeypatch.setattr(watch, "_RETRY", 0)
    return Streams()


@pytest.fixture
async def view(streams):
    made = LiveView(streams, lambda node, event: None, lambda node: None)
    made.follow([NODE])
    await streams.begun()
    yield made
    made.stop()


async def test_a_node_that_was_never_seen_might_have_any_guest(view):
    assert view.might_have("n1", "web1", "fake")
    assert view.might_have("never followed", "web1", "fake")


async def test_a_node_that_was_seen_without_a_guest_cannot_have_it_though_it_is_silent_now(view, streams):
    streams.complete("db1")
    await streams.lose()
    assert not view.reachable("n1")
    assert not view.might_have("n1", "web1", "fake")
    assert view.might_have("n1", "db1", "fake")


async def test_news_after_the_first_view_counts_when_the_stream_is_lost(view, streams):
    streams.complete("db1")
    streams.event("web1")
    streams.event("db1", GuestState.DOWN)
    await streams.lose()
    assert view.might_have("n1", "web1", "fake")
    assert not view.might_have("n1", "db1", "fake")


async def test_a_view_that_was_not_completed_replaces_nothing(view, streams):
    streams.complete("db1")
    await streams.lose()
    streams.event("web1")
    await streams.lose()
    assert view.might_have("n1", "db1", "fake")
    assert not view.might_have("n1", "web1", "fake")


async def test_a_guest_that_was_sent_counts_until_a_view_that_was_begun_later_lacks_it(view, streams):
    streams.complete()
    await streams.lose()
    view.brought("n1", "web1")
    streams.complete()  # begun before the call had ended
    assert view.might_have("n1", "web1", "fake")
    await streams.lose()
    assert view.might_have("n1", "web1", "fake")
    streams.complete()
    assert not view.might_have("n1", "web1", "fake")


async def test_a_node_is_asked_for_a_guest_that_a_call_may_yet_bring_though_its_view_is_complete(view, streams):
    streams.complete()
    assert not view.in_doubt("n1", "web1", "fake")
    view.brought("n1", "web1")
    assert view.in_doubt("n1", "web1", "fake")
    streams.event("web1")
    assert not view.in_doubt("n1", "web1", "fake")


async def test_a_guest_that_the_node_has_answered_to_be_gone_is_gone(view, streams):
    streams.complete("web1")
    view.brought("n1", "web1")
    await streams.lose()
    view.taken_away("n1", "web1")
    assert not view.might_have("n1", "web1", "fake")


async def test_no_earlier_master_can_have_sent_what_this_one_has_made(view, streams):
    view.made("new")
    assert not view.might_have("n1", "new", "fake")
    view.brought("n1", "new")
    assert view.might_have("n1", "new", "fake")


async def test_a_node_that_was_not_followed_for_a_while_counts_as_never_seen(view, streams):
    view.made("new")
    streams.complete()
    view.brought("n1", "new")
    view.follow([])
    view.follow([NODE])
    await streams.begun()
    assert view.might_have("n1", "new", "fake")
    assert view.might_have("n1", "web1", "fake")


async def test_of_a_hypervisor_that_fails_is_known_what_was_and_of_the_others_what_is(view, streams):
    streams.complete("db1")
    await streams.lose()
    streams.event("kvm1", hypervisor="kvm")
    streams.complete(unknown=("fake",))
    assert view.reachable("n1", "kvm")
    assert not view.reachable("n1", "fake")
    assert view.guests_on("n1", "fake") is None
    assert set(view.guests_on("n1", "kvm")) == {"kvm1"}
    assert view.might_have("n1", "db1", "fake")
    assert not view.might_have("n1", "web1", "fake")


async def test_a_hypervisor_that_has_always_failed_might_have_any_guest_until_it_works(view, streams):
    streams.complete(unknown=("fake",))
    assert view.might_have("n1", "web1", "fake")
    assert not view.might_have("n1", "web2", "kvm")
    streams.complete("db1")
    assert set(view.guests_on("n1", "fake")) == {"db1"}
    assert not view.might_have("n1", "web1", "fake")
