# SPDX-License-Identifier: BSD-2-Clause
"""What the master may have a node run (Ganeti's design "Executing commands via RPC")."""

from __future__ import annotations

from ganeti.rpc.call import Call


class RunRestricted(Call[str], frozen=True, tag="restricted.run"):
    """Run one of the commands that the node itself allows; what it prints.

    Raises ExecutionFailed: if it fails, with its status and output; if it is not run, always with the same words.
    """

    command: str
    patience = 120.0
