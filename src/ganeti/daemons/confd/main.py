# SPDX-License-Identifier: BSD-2-Clause
"""The configuration daemon: publishes the configuration to other programs, in files and by UDP.

It runs on every node. On one that is not a master candidate, and so has no configuration, it waits until there is one.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ganeti.config.following import Followed, Follower
from ganeti.daemons.confd.answers import Answers
from ganeti.daemons.confd.job_files import JobFiles
from ganeti.daemons.confd.mirror import Mirror
from ganeti.daemons.confd.server import Server
from ganeti.daemons.daemon import main as run_daemon
from ganeti.errors import GanetiError
from ganeti.host.clock import WallClock
from ganeti.host.daemons import Daemon
from ganeti.host.paths import Paths

_log = logging.getLogger(__name__)

_LOOK = 0.25  # seconds between two reads of the state
_UNEXPECTED = "The configuration could not be followed"
_SHARE = 4  # minimum pause before the next read, as a multiple of the last one's duration


class Attendant:
    """Follows the state on this machine and keeps files and answers up to date."""

    def __init__(self, paths: Paths) -> None:
        self.answers: Answers | None = None
        self._follower = Follower(paths.store)
        self._mirror = Mirror(paths)
        self._job_files = JobFiles(paths)
        self._trouble = ""

    async def attend(self) -> None:
        """Until it is cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            await self.look()
            await asyncio.sleep(max(_LOOK, _SHARE * (loop.time() - began)))

    async def look(self) -> None:
        """Once."""
        try:
            await asyncio.to_thread(self._look)
        except GanetiError as error:
            self._tell(error.message)
        except OSError as error:
            self._tell(f"The configuration cannot be written for other programs: {error.strerror}")
        except Exception:  # noqa: BLE001 - whatever it is, the next change may be without it
            if self._trouble != _UNEXPECTED:
                _log.exception("%s", _UNEXPECTED)
            self._trouble = _UNEXPECTED
        else:
            self._trouble = ""

    def _look(self) -> None:
        found = self._follower.look()
        self._answer_from(found)
        self._mirror.update(found)
        self._job_files.update(wanted=found is not None and found.state.cluster.job_files)

    def _answer_from(self, found: Followed | None) -> None:
        if found is None:
            self.answers = None
        elif self.answers is None or self.answers.followed is not found:
            made = Answers(found)
            if self.answers and self.answers.prepared:
                made.prepare()
            self.answers = made

    def _tell(self, trouble: str) -> None:
        if trouble != self._trouble:
            _log.error("%s", trouble)
        self._trouble = trouble


@asynccontextmanager
async def life(paths: Paths, stop: asyncio.Event) -> AsyncIterator[None]:
    """Serve until asked to stop."""
    del stop  # nothing but a signal ends it
    attendant = Attendant(paths)
    await attendant.look()
    server = Server(lambda: attendant.answers, WallClock())
    await server.open()
    work = asyncio.create_task(attendant.attend(), name="attend")
    try:
        yield
    finally:
        work.cancel()
        await asyncio.wait([work])
        server.close()


def main() -> int:
    return run_daemon(Daemon.CONFIGURATION, "Ganeti's configuration daemon", life)


if __name__ == "__main__":
    sys.exit(main())
