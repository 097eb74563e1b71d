# SPDX-License-Identifier: BSD-2-Clause
"""``gnt-cluster master-failover`` and ``master-ping``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ganeti.cli.options import PREVIEW
from ganeti.cli.runnable import Local
from ganeti.cli.session import Session
from ganeti.declare.command import Command, Option
from ganeti.errors import EXIT_CONFIRMATION, EXIT_FAILURE, GanetiError
from ganeti.luxi.protocol import Method

if TYPE_CHECKING:
    from ganeti.bootstrap.mastership import Rules
    from ganeti.host.services import Services
    from ganeti.model.cluster import Cluster

_ADDRESS = 20.0  # seconds for the cluster's address to come, which the old master gives up when it hears of the new one
_LOOK = 0.1  # seconds

_WARNING = (
    "Without a vote nobody knows whether the old master still works. If it does, both may start the same\n"
    "instances. Make sure that it is off before you go on. Continue?"
)
_SILENT = (
    "Should one of these have been the master alone meanwhile, after --no-voting,\n"
    "what it acknowledged is lost; it steps down when it hears of this one."
)


def _master_failover(session: Session, values: dict[str, Any]) -> int:
    import asyncio  # noqa: PLC0415 - slow to import

    from ganeti.bootstrap.mastership import Rules, is_master, take_over  # noqa: PLC0415
    from ganeti.host.clock import WallClock  # noqa: PLC0415
    from ganeti.host.daemons import MASTER_DAEMONS, Daemon  # noqa: PLC0415
    from ganeti.host.services import services  # noqa: PLC0415

    voting = not values.get("no_voting")
    if values.get("dry_run"):
        return _preview(session, Rules(voting=voting, count_offline=not values.get("ignore_offline_nodes")))
    if not voting and not values.get("yes_do_it") and not session.confirm(_WARNING):
        return EXIT_CONFIRMATION
    rules = Rules(voting=voting, count_offline=not values.get("ignore_offline_nodes"))
    manager = services(session.paths)
    if voting and is_master(session.paths) and not manager.running(Daemon.MASTER):
        session.say("This node is the master already, but its daemons do not run")
        return _start(session, manager)
    # The master itself, which waits for nodes that are off, may go on without them.
    paused = [daemon for daemon in MASTER_DAEMONS if not voting and manager.running(daemon)]
    for daemon in reversed(paused):
        manager.stop(daemon)
    try:
        elected = asyncio.run(take_over(session.paths, WallClock(), rules))
    except GanetiError:
        for daemon in paused:
            manager.start(daemon)
        raise
    _start(session, manager)
    _await_address(session, elected.state.cluster)
    session.say(f"{elected.state.master.name} is the master of {elected.state.cluster.name} now")
    if voting and elected.silent:
        session.warn(f"No answer from {', '.join(elected.silent)}. {_SILENT}")
    return 0


def _preview(session: Session, rules: Rules) -> int:
    import asyncio  # noqa: PLC0415 - slow to import

    from ganeti.bootstrap.mastership import foreseen, is_master  # noqa: PLC0415
    from ganeti.host.clock import WallClock  # noqa: PLC0415
    from ganeti.host.daemons import MASTER_DAEMONS, Daemon  # noqa: PLC0415
    from ganeti.host.services import services  # noqa: PLC0415
    from ganeti.jobs.preview import Preview  # noqa: PLC0415

    start = f"start {', '.join(MASTER_DAEMONS)} here"
    manager = services(session.paths)
    if rules.voting and is_master(session.paths) and not manager.running(Daemon.MASTER):
        session.tell(Preview((start,)))
        return 0
    found = asyncio.run(foreseen(session.paths, WallClock(), rules))
    old, new, address = found.state.master.name, found.node.name, found.state.cluster.master_ip
    instead = f" instead of {old}" if old != new else ", without the nodes that do not answer"
    silent = f"no answer from {', '.join(found.silent)}" if found.silent else ""
    alone = "nobody knows whether the old master still works; if it does, both may start the same instances"
    session.tell(
        Preview(
            (
                f"make {new} the master{instead}, in term {found.first}",
                start,
                *((f"have {new} take the cluster's address {address}",) if address else ()),
            ),
            "seconds, in which no job is accepted; jobs that run are ended, and what they have left is cleaned up",
            tuple(filter(None, (silent, "" if rules.voting else alone))),
        )
    )
    return 0


def _await_address(session: Session, cluster: Cluster) -> None:
    """Who reaches the cluster by its address finds the new master there when the command is over."""
    from ganeti.host.addresses import is_own_address  # noqa: PLC0415 - only where it is needed

    if not cluster.master_ip or cluster.use_external_mip_script:
        return
    end = time.monotonic() + _ADDRESS
    while not is_own_address(cluster.master_ip):
        if time.monotonic() > end:
            session.warn(f"This node does not hold {cluster.master_ip} yet; 'gnt-cluster verify' tells why")
            return
        time.sleep(_LOOK)


def _start(session: Session, manager: Services) -> int:
    from ganeti.host.daemons import MASTER_DAEMONS  # noqa: PLC0415

    for daemon in MASTER_DAEMONS:
        session.say(f"Starting {daemon} ...")
        manager.start(daemon)
    return 0


MASTER_FAILOVER = Local(
    Command(
        "gnt-cluster",
        "master-failover",
        options=(
            Option(("--no-voting",), "Skip the check that a majority of the nodes agrees", kind="flag"),
            Option(("--yes-do-it",), "With --no-voting, do not ask for confirmation", kind="flag"),
            Option(("--ignore-offline-nodes",), "Do not count nodes that are marked offline as voters", kind="flag"),
            PREVIEW,
        ),
        usage="[<opts>...]",
    ),
    "Make this node the master. It must be a master candidate.",
    _master_failover,
)


def _master_ping(session: Session, values: dict[str, Any]) -> int:
    del values
    try:
        session.client.call(Method.QUERY_CLUSTER_INFO)
    except GanetiError as error:
        session.warn(error.message)
        return EXIT_FAILURE
    return 0


MASTER_PING = Local(
    Command("gnt-cluster", "master-ping"),
    "Check whether the master daemon answers; the exit status tells.",
    _master_ping,
)
