# SPDX-License-Identifier: BSD-2-Clause
"""``ganeti-watcher`` (ganeti-watcher(8)): a round of the watcher now; for existing scripts and cron jobs."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Sequence
from typing import Any

from ganeti import VERSION
from ganeti.cli.failures import ended
from ganeti.cli.session import Session
from ganeti.declare.text import parse_age
from ganeti.errors import EXIT_NOT_MASTER, NotMaster
from ganeti.host.daemons import Daemon
from ganeti.host.files import make_private
from ganeti.host.paths import Paths
from ganeti.luxi.protocol import Method
from ganeti.luxi.protocol import WatchOptions as Options

_NAME = "ganeti-watcher"
_LONGEST_ROUND = 3600.0  # seconds to wait for a round
_ANSWER = 10.0  # seconds for the remote API to answer
_API_PORT = 5080
_TRIES = 3
_log = logging.getLogger(_NAME)


def main() -> int:
    return ended(_NAME, sys.argv[1:], _run)


def _run(words: Sequence[str]) -> int:
    """On the master a round; elsewhere an exit status, silently, since cron mails output."""
    arguments = _parse(words)
    options = Options(
        ignore_pause=arguments.ignore_pause,
        node_group=arguments.nodegroup,
        verify_disks=arguments.verify_disks,
        job_age=None if arguments.job_age is None else parse_age(arguments.job_age, "--job-age"),
        wait=arguments.wait_children,
    )
    session = Session(_NAME, "", {})
    _log_to(session.paths, debug=bool(arguments.debug))
    try:
        found = session.client.call(Method.WATCH, options, timeout=_LONGEST_ROUND)
    except NotMaster as error:
        _log.debug("%s", error.message)
        return EXIT_NOT_MASTER
    _tell(found)
    if not (found and found["at_rest"]):
        _keep_api(session.paths, arguments.rapi_ip)
    return 0


def _tell(found: dict[str, Any] | None) -> None:
    if found is None:
        _log.info("A round has begun")
        return
    for note in found["notes"]:
        _log.info("%s", note)
    if found["jobs"]:
        _log.info("Jobs of this round: %s", ", ".join(map(str, found["jobs"])))


def _keep_api(paths: Paths, address: str) -> None:
    """Restart a hanging remote API daemon; one that exits is restarted by systemd."""
    for attempt in range(_TRIES):
        if _api_answers(address):
            return
        time.sleep(attempt)
    from ganeti.host.services import services  # noqa: PLC0415 - seldom

    _log.warning("The remote API does not answer; it is restarted")
    manager = services(paths)
    manager.stop(Daemon.REMOTE_API)
    manager.start(Daemon.REMOTE_API)


def _api_answers(address: str) -> bool:
    import http.client  # noqa: PLC0415 - not for --help
    import ssl  # noqa: PLC0415 - likewise

    # Whatever its certificate is: nothing is sent to it, and nothing trusted.
    context = ssl._create_unverified_context()  # noqa: S323 - see above
    connection = http.client.HTTPSConnection(address, _API_PORT, timeout=_ANSWER, context=context)
    try:
        connection.request("GET", "/version")
        connection.getresponse()
    except (OSError, http.client.HTTPException) as error:
        _log.debug("The remote API: %s", error)
        return False
    finally:
        connection.close()
    return True


def _log_to(paths: Paths, *, debug: bool) -> None:
    handlers: list[logging.Handler] = [logging.StreamHandler()] if debug else []
    if paths.log.is_dir():
        make_private(paths.watcher_log)
        handlers.append(logging.FileHandler(paths.watcher_log))
    level = logging.DEBUG if debug else logging.INFO
    logging.basicConfig(
        level=level, handlers=handlers, format="%(asctime)s: %(name)s pid=%(process)d %(levelname)s %(message)s"
    )


def _parse(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=_NAME, description="Do a round of the watcher now, on the master.")
    parser.add_argument("-d", "--debug", action="count", default=0, help="say what is done on standard error too")
    parser.add_argument("--version", action="version", version=f"{_NAME} (ganeti {VERSION}) {VERSION}")
    parser.add_argument("--job-age", metavar="AGE", help="archive jobs that ended longer ago; by default 6h")
    parser.add_argument("--ignore-pause", action="store_true", help="also while the watcher is paused")
    parser.add_argument("--nodegroup", "--node-group", metavar="GROUP", help="only the instances of this node group")
    parser.add_argument(
        "--rapi-ip", metavar="IP", default="127.0.0.1", help="where the remote API is asked whether it answers"
    )
    parser.add_argument(
        "--no-verify-disks", dest="verify_disks", action="store_false", help="leave mirrored disks as they are"
    )
    parser.add_argument("--wait-children", action="store_true", default=True, help="wait for the round, as by default")
    parser.add_argument(
        "--no-wait-children", dest="wait_children", action="store_false", help="do not wait until the round is over"
    )
    parser.add_argument(
        "--no-strict", action="store_true", help="accepted; looking at disks never waits for nodes that are busy"
    )
    return parser.parse_args(words)
