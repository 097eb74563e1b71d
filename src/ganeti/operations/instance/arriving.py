# SPDX-License-Identifier: BSD-2-Clause
"""Creating an instance of one that comes from another cluster (``mode`` remote-import), with what is on its disks.

The job makes the disks, tells in its log where they are awaited, and waits. Whoever carries out the move takes that to
the other cluster, whose node sends the disks here; see ``ganeti.node.delivery`` for how both come to know of the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import msgspec

from ganeti.declare.problems import Problems
from ganeti.errors import ExecutionFailed, GanetiError, WrongInput
from ganeti.host.gathering import gather, together
from ganeti.jobs.context import CheckContext, RunContext, Thing
from ganeti.model.disk import Disk
from ganeti.model.domain import Destination, Domain
from ganeti.model.guest import Guest
from ganeti.model.node import Node
from ganeti.operations.instance.compressing import ensure_compressible
from ganeti.operations.instance.content import Content
from ganeti.operations.instance.domain import OtherEnd, about, domain_of, left, made_key, new_key, other_end
from ganeti.operations.os.blacklist import ensure_allowed
from ganeti.rpc.contract.copying import AwaitCopy
from ganeti.rpc.contract.moving import AwaitArrival, ConfirmArrival
from ganeti.rpc.contract.os import RenameInOs, ValidateOs
from ganeti.rpc.contract.storage import HoldDisks

if TYPE_CHECKING:
    from ganeti.operations.instance.create import InstanceCreate

REMOTE_IMPORT = "remote-import"  # the kind of the line in the job's log
_MAGIC_BYTES = 16
_BEGINNING = 300.0  # seconds to wait for a disk, besides those in which the guest is shut down


def arrived(cluster: CheckContext, request: InstanceCreate) -> Arrived:
    """The content of an instance that is requested to come from another cluster. Raises WrongInput or WrongState."""
    problems, domain = Problems(), domain_of(cluster)
    with problems.noted():
        ensure_compressible(cluster.state.cluster, request.compress)
    with problems.noted():
        if not request.source_handshake:
            raise WrongInput("Parameter 'source_handshake' is missing")
        handshake = request.source_handshake
        about("source_handshake", lambda: domain.ensure_handshake(handshake))
    with problems.noted():
        if not request.source_instance_name:
            raise WrongInput("Parameter 'source_instance_name' is missing")
    with problems.noted():
        if not request.disks:
            raise WrongInput("Parameter 'disks': it has none, so nothing comes from the other cluster (--mode create)")
        if any(disk.adopt for disk in request.disks):
            raise WrongInput("Parameter 'disks': nothing can be adopted when the content comes from another cluster")
    with problems.noted():
        if request.no_install:
            raise WrongInput("Parameter 'no_install': what is on the disks comes from the other cluster")
    ends = list[OtherEnd]()
    with problems.noted():
        ends.append(other_end(cluster, domain, "source_x509_ca", request.source_x509_ca))
    problems.tell()
    return Arrived(
        domain=domain,
        source=ends[0],
        old_name=request.source_instance_name or "",
        patience=request.source_shutdown_timeout + _BEGINNING,
        debug_level=request.debug_level or 0,
        key=new_key(cluster),
    )


@dataclass(frozen=True, slots=True)
class Arrived(Content):
    """What is on the disks of ``old_name`` in the other cluster, whose node is ``source``."""

    domain: Domain
    source: OtherEnd
    old_name: str
    patience: float
    debug_level: int
    key: str
    fills_all: ClassVar[bool] = True

    async def ensure_possible(self, cluster: CheckContext, node: Node, guest: Guest) -> None:
        if not guest.os:
            return
        ensure_allowed(cluster.state.cluster, guest.os)
        call = ValidateOs(os=guest.os, osparams=guest.osparams)
        if in_the_way := await cluster.call(node, call):
            raise WrongInput(f"OS '{guest.os}' cannot be used on {node.name}: {'; '.join(in_the_way)}")

    async def fill(self, cluster: RunContext, node: Node, guest: Guest) -> None:
        await cluster.will_leave(*self.left(node, guest))
        certificate, fingerprint = await made_key(cluster, node, self.key, self.domain)
        places = [await self._place(cluster, node, guest, disk) for disk in guest.disks]
        disks = [self.domain.destination(index, place, fingerprint) for index, place in enumerate(places)]
        cluster.step(f"waiting for the disks of {self.old_name} from the other cluster, at {node.primary_ip}")
        cluster.job.log(msgspec.json.encode({"disks": disks, "x509_ca": certificate}).decode(), REMOTE_IMPORT)
        await together(*(self._arrival(cluster, node, index, disk) for index, disk in enumerate(guest.disks)))
        if guest.os and guest.name != self.old_name:
            cluster.step(f"running the rename script: {self.old_name} is {guest.name} now")
            rename = RenameInOs(guest=guest, old_name=self.old_name, debug_level=self.debug_level)
            await cluster.call(node, rename, prefix="   ")

    def left(self, node: Node, guest: Guest) -> tuple[Thing, ...]:
        return (left(self.key, guest.name, node, [disk.uuid for disk in guest.disks]),)

    async def conclude(self, cluster: RunContext, node: Node, guest: Guest) -> None:
        cluster.step("telling the other cluster that all of it has arrived")
        confirmations = (cluster.call(node, ConfirmArrival(disk=disk.uuid)) for disk in guest.disks)
        try:
            heard = all(await gather(*confirmations))
            await cluster.call(node, HoldDisks(disks=guest.disks, peers=guest.peers))  # nothing is awaited any more
        except GanetiError as error:
            raise ExecutionFailed(f"{_unheard(guest.name, self.old_name)} ({error.message})") from None
        if not heard:
            raise ExecutionFailed(_unheard(guest.name, self.old_name))

    async def _place(self, cluster: RunContext, node: Node, guest: Guest, disk: Disk) -> Destination:
        magic = cluster.random.octets(_MAGIC_BYTES).hex()
        wait = AwaitCopy(
            disk=disk,
            sender=self.source.party,
            address=node.primary_ip,
            peers=guest.peers,
            crossing=self.source.crossing(self.key, magic, self.patience),
        )
        return Destination(node.primary_ip, await cluster.call(node, wait), magic)

    async def _arrival(self, cluster: RunContext, node: Node, index: int, disk: Disk) -> None:
        try:
            await cluster.call(node, AwaitArrival(disk=disk.uuid))
        except ExecutionFailed as error:
            raise ExecutionFailed(
                f"disk/{index} of {self.old_name} has not come from the other cluster: {error.message}"
            ) from None
        cluster.step(f"disk/{index} has arrived")


def _unheard(name: str, old_name: str) -> str:
    return (
        f"{name} is here with all its data, and is not started: it is not known whether the other cluster has heard "
        f"that. If {old_name} is there and runs, remove {name} here and move it again; if it is gone or stopped there, "
        f"start {name} here"
    )
