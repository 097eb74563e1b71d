# SPDX-License-Identifier: BSD-2-Clause
"""Distributes the facts that every node keeps at once, because an operation has changed them."""

from __future__ import annotations

from ganeti.jobs.context import RunContext


async def hand_out(cluster: RunContext, what: str = "ssconf files") -> None:
    """Return when all nodes have accepted them, or failed, which is reported; ``what``: what the report names."""
    if missed := await cluster.hand_out_facts():
        cluster.warn(f"{what} could not be written on {', '.join(missed)}; this is retried automatically")
