# SPDX-License-Identifier: BSD-2-Clause
"""``gnt-cluster verify-disks``: shows the submitted jobs, and activates inactive disks."""

from __future__ import annotations

from typing import Any

from ganeti.cli import follow
from ganeti.cli.runnable import presented
from ganeti.cli.session import Session
from ganeti.errors import EXIT_FAILURE
from ganeti.operations.cluster.verify_disks import ClusterVerifyDisks


def _show_disks(session: Session, submitted: dict[str, Any]) -> int:
    good = True
    for _, number in submitted["jobs"]:
        ((silent, inactive, lost),) = follow.follow(session, number)
        for node, why in silent.items():
            session.warn(f"Error gathering data on node {node}: {why}")
        good = _activated(session, inactive) and not silent and not lost and good
        _tell_missing(session, lost)
    return 0 if good else EXIT_FAILURE


def _activated(session: Session, names: list[str]) -> bool:
    """Whether the disks of these instances could be activated."""
    jobs = []
    for name in names:
        session.say(f"Activating disks for instance '{name}'")
        jobs.append((follow.submit(session, "OP_INSTANCE_ACTIVATE_DISKS", {"instance_name": name}), name))
    return follow.follow_each(session, jobs)


def _tell_missing(session: Session, lost: dict[str, list[list[str]]]) -> None:
    for name, missing in lost.items():
        session.warn(f"Instance {name} has missing disks:")
        for node, location in missing:
            session.warn(f"  {node}: {location}")
    if lost:
        session.warn(
            "Copies that are missing on one node are replaced with 'gnt-instance replace-disks -s'; disks that are "
            "missing altogether, empty, with 'gnt-instance recreate-disks'"
        )


VERIFY_DISKS = presented(ClusterVerifyDisks, _show_disks)
