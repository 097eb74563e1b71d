# SPDX-License-Identifier: BSD-2-Clause
"""``gnt-cluster init``."""

from __future__ import annotations

from typing import Any

from ganeti.bootstrap.new_cluster import NewCluster
from ganeti.cli.options import option_of
from ganeti.cli.runnable import Local
from ganeti.cli.session import Session
from ganeti.declare.command import Argument, Command, Option
from ganeti.declare.decode import decode
from ganeti.declare.parameter import parameters_of
from ganeti.host.daemons import DAEMONS_OF_MASTER
from ganeti.luxi.protocol import Method
from ganeti.operations.cluster.spelling import CLUSTER_OPTIONS, layered_parameters

_ACCEPTED = (
    Option(("--no-ssh-init",), "Accepted for compatibility; SSH keys are left to the administrator", kind="flag"),
    Option(("--no-etc-hosts",), "Accepted for compatibility; /etc/hosts is never changed", kind="flag"),
)


def _init(session: Session, values: dict[str, Any]) -> int:
    from ganeti.bootstrap.init import carry_out, plan  # noqa: PLC0415 - slow to import
    from ganeti.host.clock import WallClock  # noqa: PLC0415
    from ganeti.host.services import services  # noqa: PLC0415

    known = parameters_of(NewCluster)
    given = {name: value for name, value in layered_parameters(values).items() if name in known}
    state = plan(decode(given, NewCluster, "gnt-cluster init"), session.paths, WallClock())
    manager = services(session.paths)

    def start() -> None:
        try:
            for daemon in DAEMONS_OF_MASTER:
                session.say(f"Starting {daemon} ...")
                manager.start(daemon)
        except BaseException:
            for daemon in reversed(DAEMONS_OF_MASTER):
                manager.stop(daemon)
            raise

    carry_out(state, session.paths, start)
    # Only for the hooks of a new cluster; whatever their result, it is up.
    session.client.call(Method.SUBMIT_JOB, [{"OP_ID": "OP_CLUSTER_POST_INIT", "reason": session.reason()}])
    session.say(
        f"The cluster {state.cluster.name} ({state.cluster.master_ip}) is up, {state.master.name} is its master"
    )
    return 0


INIT = Local(
    Command(
        "gnt-cluster",
        "init",
        (Argument("cluster_name", "Name of the cluster, which resolves to an address of its own"),),
        (
            *(option_of(parameter) for parameter in parameters_of(NewCluster).values() if parameter.flags),
            *CLUSTER_OPTIONS,
            *_ACCEPTED,
        ),
        usage="[<opts>...] <cluster-name>",
    ),
    "Create a cluster with this machine as its master.",
    _init,
)
