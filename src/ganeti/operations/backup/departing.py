# SPDX-License-Identifier: BSD-2-Clause
"""The end of an instance's move to another cluster that is here: its disks are sent to where they are awaited there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ganeti.declare.problems import Problems
from ganeti.errors import ExecutionFailed, GanetiError, NodeCallFailed, WrongInput
from ganeti.host.gathering import together
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.model.compression import Compression
from ganeti.model.domain import Destination
from ganeti.model.guest import disks_of, guest_of, peers_of
from ganeti.model.instance import AdminState, Instance
from ganeti.model.node import Node
from ganeti.operations.instance.activation import activated
from ganeti.operations.instance.domain import OtherEnd, about, domain_of, key_of, left, other_end
from ganeti.operations.instance.making import remove_left
from ganeti.operations.instance.shutdown import stop
from ganeti.operations.instance.startup import mark, start
from ganeti.rpc.contract.copying import SendCopy

if TYPE_CHECKING:
    from ganeti.operations.backup.export import BackupExport


@dataclass(frozen=True, slots=True)
class Departure:
    """What the two clusters have agreed on; ``key``: this one's, by name. ``timeout``: seconds to shut it down."""

    key: str
    target: OtherEnd
    destinations: tuple[Destination, ...]
    compress: Compression
    timeout: float


def departure(cluster: CheckContext, instance: Instance, request: BackupExport) -> Departure:
    """What is requested. Raises WrongInput with all that is wrong, or WrongState."""
    domain, problems = domain_of(cluster), Problems()
    keys, ends = list[str](), list[OtherEnd]()
    destinations = [] if isinstance(request.target_node, str) else request.target_node
    with problems.noted():
        keys.append(key_of(domain, request.x509_key_name))
    with problems.noted():
        ends.append(other_end(cluster, domain, "destination_x509_ca", request.destination_x509_ca))
    with problems.noted():
        if len(destinations) != len(instance.disks) or not destinations:
            raise WrongInput(
                "Parameter 'target_node': for mode 'remote' it is a list of where the disks are awaited; "
                f"{instance.name} has {len(instance.disks)}, and {len(destinations)} are given"
            )
    problems.tell()
    places = about("target_node", lambda: domain.ensure_destinations(destinations, ends[0].fingerprint))
    return Departure(keys[0], ends[0], places, request.compress, request.shutdown_timeout)


async def depart(cluster: RunContext, node: Node, instance: Instance, agreed: Departure) -> None:
    """Stop it and send its disks. When this returns it is the other cluster's, and stopped here; else it is as it was.

    Except if this node stops answering in the middle: then it is stopped, for it may run there.
    """
    runs, sent = instance.admin_state is AdminState.UP, False
    cluster.step(f"shutting down the instance {instance.name}")
    await stop(cluster, node, instance, agreed.timeout)
    if runs:
        await mark(cluster, cluster.state.get(Instance, instance.uuid), AdminState.DOWN)
    try:
        async with _key(cluster, node, instance, agreed), activated(cluster, instance, runs=False):
            await _send(cluster, node, instance, agreed)
            sent = True
    except GanetiError as error:
        if sent:
            cluster.warn(f"{instance.name} has gone to the other cluster: {error.message}")
            return
        if isinstance(error, NodeCallFailed):
            raise type(error)(
                f"{error.message}. {instance.name} is stopped, for it may have gone to the other cluster; if it is "
                "not there, start it"
            ) from None
        if runs:
            with suppress(GanetiError):  # the first error tells more
                current = await mark(cluster, cluster.state.get(Instance, instance.uuid), AdminState.UP)
                await start(cluster, node, guest_of(cluster.state, current), done="was not moved")
        raise


async def _send(cluster: RunContext, node: Node, instance: Instance, agreed: Departure) -> None:
    """All at once: the other cluster takes the instance when it has all."""

    async def sent(index: int) -> None:
        disk, there = disks[index], agreed.destinations[index]
        cluster.step(f"sending disk/{index} ({disk.size} MiB) from {node.name} to {there.address}:{there.port}")
        call = SendCopy(
            disk=disk,
            receiver=agreed.target.party,
            address=there.address,
            port=there.port,
            peers=peers_of(cluster.state, instance.disks),
            compress=agreed.compress,
            crossing=agreed.target.crossing(agreed.key, there.magic),
        )
        try:
            await cluster.call(node, call)
        except ExecutionFailed as error:
            raise ExecutionFailed(f"disk/{index} of {instance.name} was not moved: {error.message}") from None

    disks = disks_of(cluster.state, instance)
    await together(*(sent(index) for index in range(len(disks))))


@asynccontextmanager
async def _key(cluster: RunContext, node: Node, instance: Instance, agreed: Departure) -> AsyncIterator[None]:
    """It is of no use afterwards, whatever comes of it."""
    try:
        yield
    finally:
        await remove_left(cluster, [left(agreed.key, instance.name, node)])
