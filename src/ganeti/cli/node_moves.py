# SPDX-License-Identifier: BSD-2-Clause
"""Commands of ``gnt-node`` that move instances away, and follow the job of each."""

from __future__ import annotations

from typing import Any

from ganeti.cli import follow
from ganeti.cli.moves import followed, following
from ganeti.cli.names import full_names
from ganeti.cli.options import FORCE, PREVIEW
from ganeti.cli.runnable import Local, confirmed, presented
from ganeti.cli.session import Session
from ganeti.declare.command import Command, Option
from ganeti.errors import EXIT_FAILURE
from ganeti.operations.node.evacuate import NodeEvacuate
from ganeti.operations.node.migrate import NodeMigrate
from ganeti.operations.node.subject import NODE_ARGUMENT
from ganeti.query.filter import names_filter

_NO_PRIMARIES = "No primary instances on node {node_name}, exiting."

MIGRATE = presented(
    NodeMigrate,
    following(_NO_PRIMARIES, "All instances migrated successfully.", "There were errors during the node migration."),
)
EVACUATE = presented(
    NodeEvacuate,
    following(
        "No instances on node {node_name} to relocate, exiting.",
        "All instances evacuated successfully.",
        "There were errors during the evacuation.",
    ),
)


def _failover(session: Session, values: dict[str, Any]) -> int:
    (name,) = full_names(session, "node", [values["node_name"]])
    ((instances,),) = session.query("node", ["pinst_list"], names_filter([name]))
    if instances and not confirmed(session, FAILOVER.command):
        return EXIT_FAILURE
    chosen = {key: values[key] for key in ("ignore_consistency", "iallocator", "dry_run") if values.get(key)}
    each = [(instance, {"instance_name": instance, **chosen}) for instance in instances]
    jobs = follow.submit_each(session, "OP_INSTANCE_FAILOVER", each)
    if values.get("submit_only"):
        for number, instance in jobs:
            session.say(f"{number}: {instance}")
        return 0
    done = f"All {len(jobs)} instance(s) failed over successfully."
    return followed(session, jobs, _NO_PRIMARIES, done, "There were errors during the failover.")


FAILOVER = Local(
    Command(
        "gnt-node",
        "failover",
        (NODE_ARGUMENT,),
        (
            FORCE,
            Option(
                ("--ignore-consistency",),
                "Proceed even if instances cannot be stopped on the node; make sure they do not run there",
                kind="flag",
            ),
            Option(("-I", "--iallocator"), "Instance allocator that chooses the nodes", metavar="NAME"),
            PREVIEW,
        ),
        question="Fail over all instances of node {node_name}? Those that run are stopped for it.",
        usage="[-f] <node>",
    ),
    "Fail over all primary instances of a node to other nodes.",
    _failover,
    job=True,
)
