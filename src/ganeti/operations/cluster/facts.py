# SPDX-License-Identifier: BSD-2-Clause
"""The facts of a cluster that every node keeps, handed out at once because an operation has changed them."""

from __future__ import annotations

from ganeti.jobs.context import RunContext


async def hand_out(cluster: RunContext, what: str = "ssconf files") -> None:
    """Return when all nodes have them, or have not taken them, which is told; ``what``: of which that is told."""
    if missed := await cluster.hand_out_facts():
        cluster.warn(f"{what} could not be written on {', '.join(missed)}; this is retried automatically")
