# SPDX-License-Identifier: BSD-2-Clause
"""Commands of ``gnt-instance`` about disks that show results."""

from __future__ import annotations

from typing import Any

from ganeti.cli.runnable import presented
from ganeti.cli.session import Session
from ganeti.operations.instance.activate_disks import InstanceActivateDisks


def _show_paths(session: Session, paths: list[Any]) -> int:
    """``NODE:disk/0:/dev/...``, as scripts parse it."""
    for node, disk, path in paths:
        session.say(f"{node}:{disk}:{path}")
    return 0


ACTIVATE_DISKS = presented(InstanceActivateDisks, _show_paths)
