# SPDX-License-Identifier: BSD-2-Clause
"""Waiting until the copies of mirrored disks are in sync."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from ganeti.declare.parameter import param
from ganeti.errors import ExecutionFailed, GanetiError
from ganeti.jobs.context import RunContext
from ganeti.model.instance import Instance
from ganeti.model.node import Node
from ganeti.operations.instance.activation import about_disks, is_mirrored
from ganeti.operations.instance.subject import primary_of
from ganeti.rpc.call import Progress
from ganeti.rpc.contract.storage import DiskStatus, ExamineDisks, MirrorStatus

WaitForSync = Annotated[
    bool,
    param(
        "Wait for mirrored disks to be in sync",
        "--no-wait-for-sync",
        off="Do not wait for mirrored disks to be in sync",
    ),
]

_INTERVAL = 2.0  # seconds between two checks of the progress
# DRBD needs a moment between being connected and beginning to synchronise.
_PATIENCE = 10  # checks
# Of one that has begun: the other node may be slow, or the synchronisation was paused for a moment.
_STALLED = 150  # checks
_CONNECTING = "Connecting"  # of DRBD's connection states: the other node is not reached, and tried again


async def wait_for_sync(cluster: RunContext, instance: Instance) -> None:
    """Until no disk is degraded, reporting progress. Raises ExecutionFailed for one that stays so without progress."""
    if not is_mirrored(instance):
        return
    import asyncio  # noqa: PLC0415 - slow to import, and commands import this module

    cluster.step(f"waiting for the disks of {instance.name} to be in sync")
    node = primary_of(cluster.state, instance)
    standing, before = 0, list[int]()
    try:
        while True:
            statuses = await _looked_at(cluster, instance, node)
            mirrors = [status.mirror for status in statuses if status.mirror]
            if len(mirrors) == len(instance.disks) and not any(mirror.degraded for mirror in mirrors):
                return
            synchronising = [mirror.missing for mirror in mirrors if mirror.synced is not None]
            standing, before = (standing + 1 if synchronising == before else 0), synchronising
            if standing > (_STALLED if synchronising else _PATIENCE):
                raise ExecutionFailed(_degraded(instance, statuses))
            if synchronising:
                cluster.job.progress(Progress(_done(mirrors), 100.0 * len(instance.disks), "%"))
            await asyncio.sleep(_INTERVAL)
    finally:
        cluster.job.progress(None)


async def _looked_at(cluster: RunContext, instance: Instance, node: Node) -> Sequence[DiskStatus]:
    """The status of both copies as seen by the primary node; empty if it does not answer."""
    try:
        return await cluster.call(node, about_disks(ExamineDisks, cluster.state, instance))
    except GanetiError:
        return ()


def _done(mirrors: Sequence[MirrorStatus]) -> float:
    """Percentage over all disks."""
    return sum(100.0 if not mirror.degraded else mirror.synced or 0.0 for mirror in mirrors)


def _degraded(instance: Instance, statuses: Sequence[DiskStatus]) -> str:
    told = [f"disk/{index} is {describe(status)}" for index, status in enumerate(statuses)]
    degraded = f"The disks of {instance.name} are degraded: {'; '.join(told) or 'its primary node does not answer'}"
    if any(status.mirror and status.mirror.connection == _CONNECTING for status in statuses):
        degraded += ". The copies synchronize by themselves when the nodes reach each other again"
    return degraded


def describe(status: DiskStatus) -> str:
    """The status of a mirrored disk, in DRBD's terms."""
    mirror = status.mirror
    if mirror is None:
        return status.problem or "not active"
    told = f"{mirror.connection}, {mirror.disk} here, {mirror.peer_disk or 'unknown'} on the other node"
    if mirror.synced is not None:
        told += f", {mirror.synced:.0f} % in sync"
    elif mirror.missing and mirror.peer_disk == "Inconsistent":  # it never had them
        told += f", which lacks {mirror.missing} KiB"
    elif mirror.missing:
        told += f", {mirror.missing} KiB have changed here since"
    return told
