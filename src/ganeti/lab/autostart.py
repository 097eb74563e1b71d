# SPDX-License-Identifier: BSD-2-Clause
"""What a node starts when it boots, in place of systemd and the units in ``packaging/systemd``."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping

from ganeti.host.daemons import DAEMONS_OF_MASTER, NODE_DAEMONS
from ganeti.host.files import read_text
from ganeti.host.paths import Paths


def due(paths: Paths, full_name: str) -> tuple[str, ...]:
    """The daemons of a node, by its own files: none if it is in no cluster."""
    if not paths.node_certificate.exists():
        return ()
    if read_text(paths.ssconf("master_node")) == full_name:
        return DAEMONS_OF_MASTER
    return NODE_DAEMONS


def start(paths: Paths, full_name: str, environment: Mapping[str, str]) -> None:
    """As children of process 1; their output, apart from their logs, is in ``NAME.out`` beside these."""
    for daemon in due(paths, full_name):
        with (paths.log / f"{daemon}.out").open("ab") as output:
            subprocess.Popen(
                [daemon],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
