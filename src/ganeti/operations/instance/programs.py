# SPDX-License-Identifier: BSD-2-Clause
"""Whether guests run the programs that are installed on their nodes."""

from __future__ import annotations

from collections.abc import Iterable

from ganeti.jobs.context import CheckContext
from ganeti.model.instance import Instance
from ganeti.model.running_program import RunningProgram
from ganeti.operations.instance.primaries import told_of_running
from ganeti.rpc.contract.instance import TellPrograms


async def programs_of(cluster: CheckContext, instances: Iterable[Instance]) -> dict[str, RunningProgram]:
    """By UUID, of instances that run where they should and whose nodes answer."""
    return await told_of_running(cluster, instances, TellPrograms)
