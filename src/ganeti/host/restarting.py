# SPDX-License-Identifier: BSD-2-Clause
"""Restarts daemons without systemd: a process of its own, since its caller may be one of them."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from ganeti.host.daemons import Daemon
from ganeti.host.paths import Paths
from ganeti.host.services import Services, services


def restart(manager: Services, daemons: Iterable[Daemon]) -> None:
    for daemon in daemons:
        if manager.running(daemon):
            manager.stop(daemon)
            manager.start(daemon)


if __name__ == "__main__":
    restart(services(Paths.from_environment()), map(Daemon, sys.argv[1:]))
