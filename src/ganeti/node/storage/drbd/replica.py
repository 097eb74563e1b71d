# SPDX-License-Identifier: BSD-2-Clause
"""A mirrored disk as one of its two nodes sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from ganeti.errors import WrongInput
from ganeti.model.disk import Disk
from ganeti.model.guest import Peer
from ganeti.model.parameters import filled
from ganeti.model.parameters.disk import DrbdParameters
from ganeti.node.storage.drbd.options import disk_options, net_options
from ganeti.node.storage.lvm.reported import device_of


@dataclass(frozen=True, slots=True)
class Replica:
    """The copy on this node, ``here``, and how to reach the other one, ``there``."""

    disk: Disk
    here: Peer
    there: Peer
    minor: int
    minor_there: int
    port: int
    secret: str
    metadata: str
    parameters: DrbdParameters

    @property
    def resource(self) -> str:
        """Its name in DRBD. It distinguishes the device of another disk that has the same minor."""
        return self.disk.uuid

    @property
    def data(self) -> str:
        return self.disk.location

    @property
    def device(self) -> str:
        return f"/dev/drbd{self.minor}"

    @property
    def ends(self) -> tuple[str, str]:
        """This node's and the other one's, as drbdsetup(8) spells addresses."""
        return _end(self.here.address, self.port), _end(self.there.address, self.port)

    @property
    def attachment(self) -> tuple[str, ...]:
        """The operands and options of "attach"."""
        return (device_of(self.data), device_of(self.metadata), "0", *disk_options(self.parameters))

    def connection(self, *, two_primaries: bool) -> tuple[str, ...]:
        """The operands and options of "connect" after the resource's name."""
        return (*self.ends, *net_options(self.parameters, self.secret, two_primaries=two_primaries))


def replica_of(name: str, disk: Disk, peers: Sequence[Peer]) -> Replica:
    """That of the node ``name``. Raises WrongInput if the node has none, or data of the disk are missing."""
    by_uuid = {peer.uuid: peer for peer in peers}
    if unknown := set(disk.nodes) - set(by_uuid):
        raise WrongInput(f"{disk.called} is on nodes that are not known here: {', '.join(sorted(unknown))}")
    holders = [by_uuid[uuid] for uuid in disk.nodes]
    own = next((index for index, peer in enumerate(holders) if peer.name == name), None)
    if disk.mirror is None or own is None or len(holders) != len(disk.mirror.minors):
        raise WrongInput(f"{disk.called} is not mirrored between {name} and another node")
    return Replica(
        disk=disk,
        here=holders[own],
        there=holders[1 - own],
        minor=disk.mirror.minors[own],
        minor_there=disk.mirror.minors[1 - own],
        port=disk.mirror.port,
        secret=disk.mirror.secret,
        metadata=disk.mirror.metadata,
        parameters=filled(DrbdParameters, disk.params, what=f"Parameters of {disk.called}"),
    )


def _end(address: str, port: int) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        raise WrongInput(f"Parameter 'address': '{address}' is not an IP address") from None
    return f"ipv6:[{parsed}]:{port}" if isinstance(parsed, IPv6Address) else f"ipv4:{parsed}:{port}"
