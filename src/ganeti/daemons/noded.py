# SPDX-License-Identifier: BSD-2-Clause
"""The node daemon: carries out the master's calls on this machine.

It can be killed at any time: guests keep running, and it recovers all its knowledge from the machine.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from ganeti.api.users import parse
from ganeti.config.sqlite import SqliteStore, position_of
from ganeti.daemons.daemon import main as run_daemon
from ganeti.errors import EnvironmentUnfit
from ganeti.host.certificates import node_name
from ganeti.host.clock import WallClock
from ganeti.host.daemons import BESIDE_NODE, ON_DEMAND, Daemon
from ganeti.host.files import exclusive
from ganeti.host.paths import Paths
from ganeti.host.services import Services, services
from ganeti.host.tls import node_server
from ganeti.host.versions import Versions
from ganeti.node.equipment import of_this_machine
from ganeti.node.keys import Keys
from ganeti.node.mastership import Mastership, step_down
from ganeti.node.membership import (
    KnownCandidates,
    Membership,
    finish_leaving,
    forget_candidacy,
    is_known_by,
    leave,
)
from ganeti.node.replica import Replica
from ganeti.node.service import close, handlers, recover
from ganeti.node.software import SoftwareOfNode
from ganeti.node.storage.directories import prepare
from ganeti.rpc.authority import Authority, Term
from ganeti.rpc.call import Call
from ganeti.rpc.client import NODE_DAEMON_PORT
from ganeti.rpc.contract import keys, node, software, store, verify
from ganeti.rpc.http import call_server
from ganeti.rpc.server import Dispatcher, Handler, Report

# Long enough for the answer to "leave" or "switch" to reach the master.
_FAREWELL = 0.5  # seconds


@asynccontextmanager
async def life(paths: Paths, stop: asyncio.Event) -> AsyncIterator[None]:
    """Answer the master's calls until asked to stop."""
    manager = services(paths)
    if finish_leaving(paths):
        await asyncio.to_thread(_stop_others, manager)
        manager.leave_off(Daemon.NODE)
        raise EnvironmentUnfit("This machine has left its cluster; 'gnt-node add' or 'gnt-node join' adds it to one")
    context = node_server(paths)
    name = node_name(paths.node_certificate.read_bytes())
    stepping_down: list[asyncio.Task[None]] = []

    def replaced(old: Term) -> None:
        if old.master == name:
            stepping_down.append(asyncio.create_task(step_down(paths, manager)))

    authority = Authority(paths.term, KnownCandidates(paths), replaced)
    equipment = of_this_machine(name, paths, WallClock())
    replica = Replica(
        lambda: _open_replica(paths), authority, name, paths.replica_term, partial(forget_candidacy, paths)
    )
    mastership = Mastership(
        paths,
        authority,
        lambda digests: position_of(paths.store, digested=digests),
        lambda: manager.running(Daemon.MASTER),
    )
    calls = {**handlers(equipment), **belonging(paths, authority, replica, stop)}
    calls[node.TellStanding] = mastership.standing
    prepare(paths)
    await recover(equipment)
    server = call_server(Dispatcher(calls, authority).answer, authority.may_be_master, context)
    await server.open(NODE_DAEMON_PORT)
    try:
        yield
    finally:
        await server.close()
        await asyncio.gather(*stepping_down)
        await close(equipment)
        replica.close()


def belonging(
    paths: Paths, authority: Authority, replica: Replica, stop: asyncio.Event
) -> Mapping[type[Call[Any]], Handler]:
    """The calls about the cluster that the node belongs to."""
    membership, own = Membership(paths), Keys(paths)

    async def forget(call: node.LeaveCluster, report: Report) -> None:
        if not is_known_by(paths, call.certificates):
            report.log(f"{node_name(paths.node_certificate.read_bytes())} has joined again since then, and stays")
            return
        authority.leave()
        replica.close()
        await asyncio.to_thread(_stop_others, services(paths))
        leave(paths)
        await asyncio.to_thread(services(paths).leave_off, Daemon.NODE)
        asyncio.get_running_loop().call_later(_FAREWELL, stop.set)

    async def check_users(call: verify.CheckUsers, report: Report) -> verify.Problems:
        """Here, since only the remote API knows the format of the file."""
        del call, report
        content = paths.rapi_users.read_bytes() if paths.rapi_users.exists() else b""
        return tuple(f"{paths.rapi_users}: {problem}" for problem in parse(content)[1])

    def restart_soon() -> None:
        # The node daemon last, whose version is checked.
        daemons = (*BESIDE_NODE, *ON_DEMAND, Daemon.NODE)
        asyncio.get_running_loop().call_later(_FAREWELL, services(paths).restart_soon, daemons)

    own_software = SoftwareOfNode(Versions(paths), restart_soon)
    return {
        software.TellVersions: own_software.tell,
        software.SwitchVersion: own_software.switch,
        verify.CheckUsers: check_users,
        node.Obey: membership.obey,
        node.WriteSsconf: membership.write_ssconf,
        node.SaveFiles: membership.save_files,
        node.ForgetCandidacy: replica.forget,
        keys.TellHostKeys: own.tell_host_keys,
        keys.TellAuthorities: own.tell_authorities,
        keys.TrustAuthorities: own.trust_authorities,
        keys.RequestCertificate: own.request_certificate,
        keys.TakeCertificate: own.take_certificate,
        node.LeaveCluster: forget,
        store.TellPosition: replica.tell,
        store.DigestStore: replica.digest,
        store.AppendBatch: replica.append,
        store.ReplaceStore: replica.replace,
    }


def _stop_others(manager: Services) -> None:
    """Stop the other daemons of a node that no longer belongs to a cluster."""
    for daemon in reversed((*BESIDE_NODE, *ON_DEMAND)):
        manager.stop(daemon)


def _open_replica(paths: Paths) -> SqliteStore:
    """Raises WrongState while a master daemon, which must have been replaced, still writes there."""
    with exclusive(paths.lock_file(Daemon.MASTER), "The master daemon of this node has not stopped yet"):
        return SqliteStore(paths.store)


def main() -> int:
    return run_daemon(Daemon.NODE, "Ganeti's node daemon", life)


if __name__ == "__main__":
    sys.exit(main())
