# SPDX-License-Identifier: BSD-2-Clause
"""What every daemon does: log, notify that it is ready, stop when asked to."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import logging
import logging.handlers
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from ganeti import VERSION
from ganeti.daemons.loop_watch import end_if_lost, watch_loop
from ganeti.errors import EXIT_FAILURE, EXIT_USAGE, GanetiError
from ganeti.host.daemons import Daemon
from ganeti.host.files import exclusive, make_private
from ganeti.host.paths import Paths
from ganeti.host.reasons import reason

_FORMAT = "%(asctime)s: %(name)s pid=%(process)d %(levelname)s %(message)s"

# New objects between two searches for unreachable cycles. Almost everything here is freed without: with Python's own
# number, 700, a daemon spends a tenth of its time on looking through objects that are in use.
_COLLECTED = 20_000

# A daemon's life: entered when it is ready, left when it has stopped. The event is set when it must stop.
Life = Callable[[Paths, asyncio.Event], AbstractAsyncContextManager[None]]


def main(name: Daemon, description: str, life: Life, confine: Callable[[Paths], None] | None = None) -> int:
    """Run a daemon in the foreground until it gets SIGTERM or SIGINT; its exit status.

    ``confine``: makes the process another user's that may do less. It cannot open files of logs any more then, so it
    logs to standard error alone.
    """
    arguments = _parse(name, description)
    paths, notifier = Paths.from_environment(), Notifier()
    if name is not Daemon.NODE:  # whose children, OS scripts and hooks, create files for others
        os.umask(0o077)
    try:
        paths.run.mkdir(parents=True, exist_ok=True)
        _log_to(None if confine else paths.log_file(name), name, debug=arguments.debug)
        with exclusive(paths.lock_file(name), f"{name} is running already"), _pid_file(paths.pid_file(name)):
            if confine:
                import uvloop  # noqa: F401, PLC0415 - while this software's files can be read for certain

                confine(paths)
            return _run(life, paths, notifier)
    except GanetiError as error:
        print(f"{name}: {error.message}", file=sys.stderr)  # noqa: T201 - for whoever started it
        logging.getLogger(name).error("%s", error.message)  # noqa: TRY400 - a reason, not a bug
        return error.exit_status
    except OSError as error:
        print(f"{name}: {reason(error)}", file=sys.stderr)  # noqa: T201 - for whoever started it
        return EXIT_FAILURE


class _PrivateFile(logging.handlers.WatchedFileHandler):
    """A log, which may contain output of administrators' scripts."""

    def _open(self) -> Any:
        make_private(Path(self.baseFilename))
        return super()._open()


class Notifier:
    """Tells the service manager (sd_notify(3)); without one, nobody. It is found while the process is still root's."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        address = os.environ.get("NOTIFY_SOCKET", "")
        with contextlib.suppress(OSError):
            self._socket.connect("\0" + address[1:] if address.startswith("@") else address)

    def tell(self, message: str) -> None:
        with contextlib.suppress(OSError):
            self._socket.send(message.encode())


def _parse(name: str, description: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=name, description=description)
    parser.add_argument("-d", "--debug", action="count", default=0, help="log more")
    parser.add_argument("-f", "--foreground", action="store_true", help="accepted; daemons always are")
    parser.add_argument("--version", action="version", version=f"{name} (ganeti) {VERSION}")
    try:
        return parser.parse_args()
    except SystemExit as error:
        sys.exit(EXIT_USAGE if error.code else 0)


def _run(life: Life, paths: Paths, notifier: Notifier) -> int:
    import uvloop  # noqa: PLC0415 - --help needs none

    async def live() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(end_if_lost)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        loop.add_signal_handler(signal.SIGHUP, _reopen_logs)
        async with life(paths, stop):
            gc.freeze()  # what it has loaded stays
            watching = asyncio.create_task(watch_loop())
            notifier.tell("READY=1")
            await stop.wait()
            notifier.tell("STOPPING=1")
            watching.cancel()

    gc.set_threshold(_COLLECTED)
    uvloop.run(live())
    return 0


def _log_to(path: Path | None, name: str, *, debug: int) -> None:
    """To a file that may be rotated, and to standard error for the journal."""
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    if path is None:
        handlers[0].setFormatter(logging.Formatter(_FORMAT))
    else:
        handlers[0].setFormatter(logging.Formatter("%(levelname)s %(message)s"))
        path.parent.mkdir(parents=True, exist_ok=True)
        handlers.append(_PrivateFile(path))
        handlers[1].setFormatter(logging.Formatter(_FORMAT))
    logging.basicConfig(level=logging.DEBUG if debug else logging.INFO, handlers=handlers)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    logging.getLogger("qemu").setLevel(logging.WARNING)
    logging.getLogger(name).info("%s %s starts", name, VERSION)


def _reopen_logs() -> None:
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.handlers.WatchedFileHandler):
            handler.reopenIfNeeded()


@contextlib.contextmanager
def _pid_file(path: Path) -> Iterator[None]:
    path.write_text(f"{os.getpid()}\n")
    try:
        yield
    finally:
        with contextlib.suppress(PermissionError):  # of one that has become another user's
            path.unlink(missing_ok=True)
