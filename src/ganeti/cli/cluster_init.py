# SPDX-License-Identifier: BSD-2-Clause
"""``gnt-cluster init``."""

from __future__ import annotations

from typing import Any

from ganeti.cli.runnable import Local, own_options
from ganeti.cli.session import Session
from ganeti.declare.command import Argument, Command, Option
from ganeti.host.daemons import Daemon
from ganeti.operations.cluster.modify import ClusterModify
from ganeti.operations.cluster.spelling import cluster_parameters

# What ``modify`` can do, ``init`` can do as well, but for these.
_NOT_HERE = {"force", "dry_run"}
_OWN = (
    Option(
        ("-s", "--secondary-ip"),
        "Secondary address of this node, for replication and migration traffic",
        metavar="ADDRESS",
    ),
    Option(("--primary-ip-version",), "IP version of primary addresses", choices=("4", "6"), default="4"),
    Option(("--no-ssh-init",), "Accepted for compatibility; SSH keys are left to the administrator", kind="flag"),
    Option(("--no-etc-hosts",), "Accepted for compatibility; /etc/hosts is never changed", kind="flag"),
)


def _init(session: Session, values: dict[str, Any]) -> int:
    from ganeti.bootstrap.init import Wanted, carry_out, plan  # noqa: PLC0415 - slow to import
    from ganeti.host.clock import WallClock  # noqa: PLC0415
    from ganeti.host.services import services  # noqa: PLC0415

    parameters = cluster_parameters({name: value for name, value in values.items() if name not in _NOT_HERE})
    wanted = Wanted(
        cluster_name=values["cluster_name"],
        secondary_ip=values.get("secondary_ip"),
        primary_ip_version=int(values["primary_ip_version"]),
        parameters={name: value for name, value in parameters.items() if name in ClusterModify.parameters()},
    )
    state = plan(wanted, session.paths, WallClock())
    manager = services(session.paths)

    def start() -> None:
        try:
            for daemon in Daemon:
                session.say(f"Starting {daemon} ...")
                manager.start(daemon)
        except BaseException:
            for daemon in reversed(Daemon):
                manager.stop(daemon)
            raise

    carry_out(state, session.paths, start)
    session.say(
        f"The cluster {state.cluster.name} ({state.cluster.master_ip}) is up, {state.master.name} is its master"
    )
    return 0


INIT = Local(
    Command(
        "gnt-cluster",
        "init",
        (Argument("cluster_name", "Name of the cluster, which resolves to an address of its own"),),
        (*_OWN, *(option for option in own_options(ClusterModify) if option.dest not in _NOT_HERE)),
        usage="[<opts>...] <cluster-name>",
    ),
    "Create a cluster with this machine as its master.",
    _init,
)
