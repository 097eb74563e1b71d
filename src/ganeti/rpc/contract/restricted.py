# SPDX-License-Identifier: BSD-2-Clause
"""Restricted commands (Ganeti's design "Executing commands via RPC")."""

from __future__ import annotations

from ganeti.rpc.call import Call


class RunRestricted(Call[str], frozen=True, tag="restricted.run"):
    """Run one of the commands that the node itself allows; its output.

    Raises ExecutionFailed: if it fails, with its status and output; if it is refused, always with the same message.
    """

    command: str
    patience = 120.0
