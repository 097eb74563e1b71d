# SPDX-License-Identifier: BSD-2-Clause
"""An event loop whose time is made up: waiting takes none."""

import asyncio
import selectors
from unittest.mock import patch

LONGEST = 100_000.0  # seconds that a history may take


class _Impatient(selectors.SelectSelector):
    """Instead of waiting it tells how long it would have waited. It looks at nothing: a simulation has no real I/O."""

    def __init__(self):
        super().__init__()
        self.now = 0.0

    def select(self, timeout=None):
        if timeout is None:
            raise RuntimeError("Everybody waits for something that never happens")
        self.now += timeout
        if self.now > LONGEST:
            raise RuntimeError("Something takes for ever")
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Time goes on only when nothing can be done at the present moment."""

    def __init__(self):
        self._impatient = _Impatient()
        super().__init__(self._impatient)

    def time(self):
        return self._impatient.now

    def run_in_executor(self, executor, func, *args):
        """At once and here: a thread would take real time, and end at a moment of its own."""
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - whoever waits for it gets it
            done.set_exception(error)
        return done


class VirtualClock:
    """The time of day in such a loop."""

    def __init__(self, loop):
        self._loop = loop

    def now(self):
        return 1_800_000_000.0 + self._loop.time()


def run(main):
    """Run ``main(loop)`` to its end in a loop of its own, and whatever it has left going on."""
    loop = VirtualLoop()
    with (
        patch("os.fsync", lambda _: None),  # no power cut here is a real one, and it is what takes longest
        asyncio.Runner(loop_factory=lambda: loop) as runner,
    ):
        return runner.run(main(loop))
