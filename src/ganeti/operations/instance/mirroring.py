# SPDX-License-Identifier: BSD-2-Clause
"""Puts an instance on nodes, with what its mirrored disks need there: ports, minors, secrets."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from itertools import count

from msgspec.structs import replace

from ganeti.errors import InsufficientResources, WrongInput, WrongState
from ganeti.jobs.context import CheckContext
from ganeti.model.disk import Disk, DiskTemplate, Mirror
from ganeti.model.entity import evolve
from ganeti.model.guest import disk_layers, disks_of
from ganeti.model.instance import Instance
from ganeti.model.node import Node
from ganeti.model.template import TEMPLATES
from ganeti.operations.instance.spindles import ensure_suitable

PORTS = range(11000, 15000)  # of consoles and replication, as Ganeti's pool
# The parameter with the location of a template's disks.
_KEPT = {DiskTemplate.RBD: "pool", DiskTemplate.GLUSTER: "volume"}
_SECRET = 20  # octets: DRBD allows up to 64 characters (drbd.conf(5), "shared-secret")


def placed_on(
    cluster: CheckContext, instance: Instance, nodes: Sequence[Node], made: Collection[int] | None = None
) -> Instance:
    """The instance on its primary node, with the mirrors of its disks on that and the secondary one.

    ``made``: the numbers of the disks to create, all if it is None; the others exist already. What they use is free
    now; the caller must reserve it at once. Raises InsufficientResources if no port is free, WrongInput for nodes that
    its disks cannot be on.
    """
    ensure_suitable(cluster.state, instance, nodes)
    instance = evolve(instance, primary_node=nodes[0].uuid)
    place = _placing(cluster, instance, nodes)
    disks = [place(disk, n) if made is None or n in made else disk for n, disk in enumerate(instance.disks)]
    return evolve(instance, disks=tuple(disks))


def _placing(cluster: CheckContext, instance: Instance, nodes: Sequence[Node]) -> Callable[[Disk, int], Disk]:
    """What is recorded with each disk created there, by its number."""
    if name := _KEPT.get(instance.disk_template):
        # It stays in the pool or volume that it was created in, whatever is set later.
        places = [disk.params[name] for disk in disks_of(cluster.state, instance)]
        return lambda disk, index: replace(disk, params={**disk.params, name: places[index]})
    if instance.disk_template is DiskTemplate.PLAIN:
        # Likewise for a thin pool; a disk without a recorded pool is in none: there were disks before pools.
        wanted = [layer["thinpool"] for layer in disk_layers(cluster.state, instance) if "thinpool" in layer]
        pool = {"thinpool": wanted[-1]} if wanted and wanted[-1] else {}
        return lambda disk, _: replace(disk, params={**pool, **disk.params})
    if TEMPLATES[instance.disk_template].mirrored:
        draft, holders = _Draft(cluster, instance), (nodes[0].uuid, nodes[1].uuid)
        return lambda disk, index: draft.mirrored(disk, index, holders)
    return lambda disk, _: disk


def with_secondary(cluster: CheckContext, instance: Instance, node: Node) -> Instance:
    """The instance with the mirrors of its disks on another node than its secondary one.

    The minors that they use there are free now; the caller must reserve them at once.
    """
    draft = _Draft(cluster, instance)
    disks = [draft.moved(disk, instance.secondary_nodes[0], node.uuid) for disk in instance.disks]
    return evolve(instance, disks=tuple(disks))


def named_nodes(template: DiskTemplate, primary: Node, secondary: Node | None) -> list[Node]:
    """The nodes given for an instance. Raises WrongInput or WrongState if they are unsuitable."""
    if secondary and not TEMPLATES[template].mirrored:
        raise WrongInput(f"Parameter 'snode': disks of template '{template}' have no secondary node")
    if TEMPLATES[template].mirrored and not secondary:
        raise WrongInput(f"Parameter 'snode' is missing: disks of template '{template}' need it (-n PRIMARY:SECONDARY)")
    if secondary and secondary.uuid == primary.uuid:
        raise WrongInput(f"Parameter 'snode': {secondary.name} is the primary node already; choose another one")
    if secondary and secondary.group != primary.group:
        raise WrongInput(f"Parameter 'snode': {secondary.name} is in another node group than {primary.name}")
    nodes = [primary, *([secondary] if secondary else [])]
    unfit = [f"Node {node.name} cannot get instances: it is {node.obstacle}" for node in nodes if node.obstacle]
    if unfit:
        raise WrongState("\n".join(unfit))
    return nodes


def metadata_location(cluster: CheckContext, instance: Instance, disk: Disk, index: int) -> str:
    """The location of a disk's metadata: in the volume group set for it, or else in that of its data."""
    place_in = TEMPLATES[disk.template].metadata
    assert place_in  # noqa: S101 - all that are mirrored have it
    layers = (*disk_layers(cluster.state, instance), disk.params)
    wanted = [layer["metavg"] for layer in layers if layer.get("metavg")]
    return place_in(wanted[-1] if wanted else disk.location.partition("/")[0], disk.uuid, index)


class _Draft:
    """What has been assigned for one instance."""

    def __init__(self, cluster: CheckContext, instance: Instance) -> None:
        self._cluster = cluster
        self._instance = instance
        state, reserved = cluster.state, cluster.reservations
        self._ports = set(state.ports) | reserved.ports | set(instance.ports)
        self._minors = set(state.minors) | reserved.minors

    def mirrored(self, disk: Disk, index: int, nodes: tuple[str, str]) -> Disk:
        mirror = Mirror(
            port=self._port(),
            minors=(self._minor(nodes[0]), self._minor(nodes[1])),
            secret=self._cluster.random.octets(_SECRET).hex(),
            metadata=metadata_location(self._cluster, self._instance, disk, index),
        )
        return replace(disk, nodes=nodes, mirror=mirror)

    def moved(self, disk: Disk, old: str, new: str) -> Disk:
        """Only what belongs to the node changes."""
        assert disk.mirror  # noqa: S101 - the caller moves mirrors
        at = disk.nodes.index(old)
        minors = list(disk.mirror.minors)
        minors[at] = self._minor(new)
        nodes = tuple(new if node == old else node for node in disk.nodes)
        return replace(disk, nodes=nodes, mirror=replace(disk.mirror, minors=(minors[0], minors[1])))

    def _port(self) -> int:
        free = next((port for port in PORTS if port not in self._ports), None)
        if free is None:
            raise InsufficientResources(f"All TCP ports from {PORTS[0]} to {PORTS[-1]} are in use by instances")
        self._ports.add(free)
        return free

    def _minor(self, node: str) -> int:
        free = next(minor for minor in count() if (node, minor) not in self._minors)
        self._minors.add((node, free))
        return free
