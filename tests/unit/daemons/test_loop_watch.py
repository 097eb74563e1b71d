# SPDX-License-Identifier: BSD-2-Clause
"""What must not happen in the event loop of a daemon."""

import asyncio
from functools import partial

import pytest
import uvloop

from ganeti.daemons.loop_watch import end_if_lost
from ganeti.errors import EXIT_FAILURE


def ended_by(error, loop_factory=None):
    """The statuses with which a daemon ended in whose loop a callback failed."""
    ended = []

    async def live():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(partial(end_if_lost, end=ended.append))
        loop.call_soon(fail, error)
        await asyncio.sleep(0.01)

    def fail(error):
        raise error

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(live())
    return ended


def test_a_daemon_whose_loop_has_lost_track_of_its_connections_ends():
    lost = RuntimeError("File descriptor 24 is used by transport <UnixTransport closed=False reading=True>")
    assert ended_by(lost, uvloop.new_event_loop) == [EXIT_FAILURE]


@pytest.mark.parametrize("error", [RuntimeError("something else"), OSError(9, "Bad file descriptor")])
def test_any_other_error_of_a_callback_is_told_and_no_more(error, caplog):
    assert ended_by(error) == []
    assert "Exception in callback" in caplog.text


def test_what_uvloop_says_of_a_descriptor_with_two_owners_is_known():
    async def live():
        loop = asyncio.get_running_loop()

        async def serve(reader, writer):
            await reader.read()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        with pytest.raises(RuntimeError, match="is used by transport"):
            loop.remove_writer(writer.get_extra_info("socket").fileno())
        writer.close()
        server.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(live())
