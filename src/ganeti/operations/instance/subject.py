# SPDX-License-Identifier: BSD-2-Clause
"""What all operations on one instance have in common: its name, its locks, what hooks are told about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar, TypeVar

from ganeti.declare.command import Argument
from ganeti.declare.parameter import param
from ganeti.declare.role import Role
from ganeti.declare.types import NonEmpty, Seconds
from ganeti.errors import WrongState
from ganeti.jobs.lockset import LockSet, exclusive, shared
from ganeti.jobs.operation import HookNodes, JobOperation
from ganeti.model.guest import Guest, guest_of
from ganeti.model.instance import AdminState, Instance
from ganeti.model.kind import Kind
from ganeti.model.node import Node
from ganeti.model.state import State

if TYPE_CHECKING:
    from ganeti.jobs.context import CheckContext  # of the daemon alone

P = TypeVar("P")

ShutdownTimeout = Annotated[Seconds, param("Seconds to wait for the guest to shut down", "--shutdown-timeout")]

ByWatcher = Annotated[
    bool, param("Submitted by the watcher: do nothing unless the instance is still marked up and needs it")
]

INSTANCE_ARGUMENT = Argument("instance_name", "Name of the instance", completes="instance")


class InstanceOperation(JobOperation[P], frozen=True, kw_only=True):
    """Works on one instance, with its nodes."""

    role: ClassVar[Role] = Role.OPERATE
    subject: ClassVar[str | None] = "instance_name"

    instance_name: Annotated[NonEmpty, param("Name of the instance", completes="instance")]
    instance_uuid: Annotated[NonEmpty | None, param("UUID, used instead of the name")] = None

    def instance(self, state: State) -> Instance:
        """Raises UnknownEntity."""
        return state.find(Instance, self.instance_uuid or self.instance_name)

    @property
    def suits_forthcoming(self) -> bool:
        """Whether it can be carried out on an instance that is forthcoming, of which nodes have nothing."""
        return False

    def ensure_suitable(self, state: State) -> None:
        if not self.suits_forthcoming:
            ensure_existing(self.instance(state))

    def locks(self, state: State) -> LockSet:
        instance = self.instance(state)
        return exclusive(Kind.INSTANCE, instance.name) | shared(Kind.NODE, *node_names(state, instance))

    def hook_environment(self, state: State, plan: P) -> dict[str, str]:
        del plan
        return instance_environment(state, self.instance(state))

    def hook_nodes(self, state: State, plan: P) -> HookNodes:
        del plan
        concerned = nodes_of(state, self.instance(state))
        return HookNodes(pre=concerned, post=concerned)


def ensure_existing(instance: Instance) -> None:
    """Raise WrongState for one that is forthcoming."""
    if instance.forthcoming:
        raise WrongState(
            f"Instance {instance.name} is forthcoming: what it will have is reserved, and it is on no node yet; "
            f"'gnt-instance add --commit {instance.name}' creates it, 'gnt-instance remove {instance.name}' gives it up"
        )


def existing(cluster: CheckContext, instances: Iterable[Instance]) -> list[Instance]:
    """Those that are not forthcoming; of the others it is said that they stay where they are."""
    found = []
    for instance in instances:
        if instance.forthcoming:
            primary = primary_of(cluster.state, instance)
            cluster.note(f"Instance {instance.name} is forthcoming, and stays reserved on {primary.name}")
        else:
            found.append(instance)
    return found


def nodes_of(state: State, instance: Instance) -> tuple[Node, ...]:
    """The primary node and the secondary ones."""
    return tuple(state.get(Node, uuid) for uuid in instance.nodes)


def online_nodes_of(state: State, instance: Instance) -> list[Node]:
    """Those of its nodes that are expected to answer."""
    return [node for node in nodes_of(state, instance) if not node.offline]


def node_names(state: State, instance: Instance) -> list[str]:
    return [node.name for node in nodes_of(state, instance)]


def primary_of(state: State, instance: Instance) -> Node:
    return state.get(Node, instance.primary_node)


def online(node: Node) -> Node:
    """The node itself. Raises WrongState if it is marked offline."""
    if node.offline:
        raise WrongState(f"Node {node.name} is marked offline; 'gnt-node modify -O no {node.name}' puts it back online")
    return node


def instance_environment(state: State, instance: Instance) -> dict[str, str]:
    """The hook variables of an instance ("Ganeti customisation using hooks", "Instance operations")."""
    guest = guest_of(state, instance)
    primary, *secondaries = node_names(state, instance)
    memory = guest.beparams
    environment = {
        "OP_TARGET": instance.name,
        "INSTANCE_NAME": instance.name,
        "INSTANCE_PRIMARY": primary,
        "INSTANCE_SECONDARIES": " ".join(secondaries),
        "INSTANCE_OS_TYPE": instance.os,
        "INSTANCE_STATUS": "up" if instance.admin_state is AdminState.UP else "down",
        "INSTANCE_MINMEM": str(memory.minmem),
        "INSTANCE_MAXMEM": str(memory.maxmem),
        "INSTANCE_MEMORY": str(memory.maxmem),
        "INSTANCE_VCPUS": str(memory.vcpus),
        "INSTANCE_DISK_TEMPLATE": str(instance.disk_template),
        "INSTANCE_HYPERVISOR": instance.hypervisor,
        "INSTANCE_TAGS": " ".join(sorted(instance.tags)),
        "INSTANCE_FORTHCOMING": str(instance.forthcoming),
    }
    parameters = {f"INSTANCE_{name}": value for name, value in guest.parameter_variables().items()}
    return environment | dict(_devices(guest)) | parameters


def _devices(guest: Guest) -> Iterator[tuple[str, str]]:
    yield "INSTANCE_NIC_COUNT", str(len(guest.nics))
    for index, nic in enumerate(guest.nics):
        yield f"INSTANCE_NIC{index}_MAC", nic.mac
        yield f"INSTANCE_NIC{index}_IP", nic.ip or ""
        yield f"INSTANCE_NIC{index}_MODE", nic.mode
        yield f"INSTANCE_NIC{index}_LINK", nic.link
        yield f"INSTANCE_NIC{index}_BRIDGE", nic.link if nic.mode == "bridged" else ""
        yield f"INSTANCE_NIC{index}_NETWORK", nic.network.name if nic.network else ""
        for name, value in nic.network.variables().items() if nic.network else ():
            yield f"INSTANCE_NIC{index}_NETWORK_{name}", value
    yield "INSTANCE_DISK_COUNT", str(len(guest.disks))
    for index, disk in enumerate(guest.disks):
        yield f"INSTANCE_DISK{index}_SIZE", str(disk.size)
        yield f"INSTANCE_DISK{index}_MODE", disk.mode
