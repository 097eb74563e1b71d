# SPDX-License-Identifier: BSD-2-Clause
"""Describe instances in full, as ``gnt-instance info`` shows them."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import Annotated, Any, ClassVar

from ganeti.declare.parameter import param
from ganeti.declare.role import Role
from ganeti.declare.route import Route
from ganeti.declare.types import Names
from ganeti.host.gathering import gather
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.operation import JobOperation
from ganeti.model.disk import Disk
from ganeti.model.group import Group
from ganeti.model.guest import GuestNic, guest_of, public_os_parameters
from ganeti.model.guest_agent import GuestAddresses
from ganeti.model.guest_state import GuestState
from ganeti.model.instance import Instance
from ganeti.model.machine_state import EnrolledKeys
from ganeti.model.node import Node
from ganeti.model.parameters import as_mapping
from ganeti.model.running import Difference
from ganeti.model.state import State
from ganeti.operations.instance.addresses import addresses_of
from ganeti.operations.instance.examination import Statuses, examine_all
from ganeti.operations.instance.running import pending
from ganeti.operations.instance.secure_boot import keys_of
from ganeti.operations.instance.subject import primary_of
from ganeti.operations.instance.synchronising import describe
from ganeti.rpc.contract.storage import DiskStatus

_Pending = Mapping[str, Sequence[Difference]]
_Addresses = Mapping[str, GuestAddresses]
_Keys = Mapping[str, EnrolledKeys]


class InstanceInfo(JobOperation[list[Instance]], frozen=True, kw_only=True, tag="OP_INSTANCE_QUERY_DATA"):
    """Describe instances in detail."""

    role: ClassVar[Role] = Role.READ
    reads_only: ClassVar[bool] = True
    routes: ClassVar[tuple[Route, ...]] = (Route("GET", "/instances/{instances}/info", query={"static": "static"}),)

    use_locking: Annotated[
        bool, param("Lock the instances meanwhile", accepted="reads are consistent without locks")
    ] = False
    instances: Annotated[Names, param("Names of the instances; none for all")] = []
    static: Annotated[bool, param("Show only the configuration, without querying nodes", "-s", "--static")] = False

    async def check(self, cluster: CheckContext) -> list[Instance]:
        state = cluster.state
        return [state.find(Instance, name) for name in self.instances] if self.instances else state.instances

    async def run(self, cluster: RunContext, plan: list[Instance]) -> dict[str, Any]:
        disks, waiting, addresses, keys = ({}, {}, {}, {}) if self.static else await _asked(cluster, plan)
        return {
            instance.uuid: {
                **self._describe(cluster, instance, disks),
                "pending": [[d.name, d.running, d.configured] for d in waiting.get(instance.uuid, ())],
                "agent": _told_by_agent(addresses.get(instance.uuid)),
                "secure_boot": _told_of_keys(keys.get(instance.uuid)),
            }
            for instance in plan
        }

    def _describe(self, cluster: RunContext, instance: Instance, disks: Statuses) -> dict[str, Any]:
        state = cluster.state
        guest, primary = guest_of(state, instance), primary_of(state, instance)
        secondaries = [state.get(Node, uuid) for uuid in instance.secondary_nodes]
        return {
            "name": instance.name,
            "uuid": instance.uuid,
            "serial_no": instance.serial_no,
            "ctime": instance.ctime,
            "mtime": instance.mtime,
            "config_state": str(instance.admin_state),
            "forthcoming": instance.forthcoming,
            "run_state": None if self.static else self._run_state(cluster, instance, primary),
            "pnode": primary.name,
            "pnode_group_name": _group(state, primary).name,
            "pnode_group_uuid": primary.group,
            "snodes": [node.name for node in secondaries],
            "snodes_group_names": [_group(state, node).name for node in secondaries],
            "snodes_group_uuids": [node.group for node in secondaries],
            "os": instance.os,
            "os_instance": instance.osparams,
            "os_actual": public_os_parameters(state, instance),
            "hypervisor": instance.hypervisor,
            "network_port": instance.network_port,
            "hv_instance": instance.hvparams,
            "hv_actual": guest.hvparams,
            "be_instance": instance.beparams,
            "be_actual": as_mapping(guest.beparams),
            "disk_template": str(instance.disk_template),
            "disks": [_disk(state, instance, index, disks) for index in range(len(instance.disks))],
            "nics": [_nic(nic) for nic in guest.nics],
            "tags": sorted(instance.tags),
        }

    def _run_state(self, cluster: RunContext, instance: Instance, primary: Node) -> str:
        if instance.forthcoming:
            return "down"
        guests = cluster.live.guests_on(primary.uuid, instance.hypervisor)
        if primary.offline or guests is None:
            return "unknown (its node does not answer)"
        event = guests.get(instance.uuid)
        if event is None:
            return "down"
        return "up" if event.state is GuestState.RUNNING else event.state.because(event.reason)


async def _asked(cluster: RunContext, instances: list[Instance]) -> tuple[Statuses, _Pending, _Addresses, _Keys]:
    """What nodes say of instances, by UUID; all at once, so that a silent node is waited for only once."""
    works: list[Awaitable[Any]] = [ask(cluster, instances) for ask in (examine_all, pending, addresses_of, keys_of)]
    examined, waiting, addresses, keys = await gather(*works)
    return examined.statuses, waiting, addresses, keys


def _told_by_agent(found: GuestAddresses | None) -> dict[str, Any] | None:
    if found is None:
        return None
    interfaces = [{"name": one.name, "mac": one.mac, "addresses": list(one.addresses)} for one in found.interfaces]
    return {"interfaces": interfaces, "problem": found.problem}


def _told_of_keys(found: EnrolledKeys | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {"keys": [[key.kind, key.name, key.expires] for key in found.keys], "problem": found.problem}


def _group(state: State, node: Node) -> Group:
    return state.get(Group, node.group)


def _nic(nic: GuestNic) -> list[Any]:
    network = nic.network.name if nic.network else None
    return [nic.name, nic.uuid, nic.mac, nic.ip, nic.mode, nic.link, nic.vlan, network]


def _disk(state: State, instance: Instance, index: int, statuses: Statuses) -> dict[str, Any]:
    disk = instance.disks[index]
    first, *others = (statuses.get((node, disk.uuid)) for node in instance.nodes)
    return {
        "iv_name": f"disk/{index}",
        "dev_type": str(disk.template),
        "logical_id": logical_id(state, disk),
        "size": disk.size,
        "mode": disk.mode,
        "format": disk.format,
        "allocated": first.allocated if first else None,
        "name": disk.name,
        "uuid": disk.uuid,
        "spindles": disk.spindles,
        "limits": str(disk.limits) or None,
        "thinpool": disk.thin_pool or None,
        "pstatus": _told(first),
        "sstatus": _told(others[0]) if others else None,
        "children": [],
    }


def _told(status: DiskStatus | None) -> list[Any] | None:
    """Its path on a node, and what is wrong with it there."""
    if status is None:
        return None
    degraded = describe(status) if status.mirror and status.mirror.degraded else ""
    return [status.path, status.problem or degraded]


def logical_id(state: State, disk: Disk) -> list[Any]:
    """Its location on its storage, without secrets, in Ganeti's shapes."""
    if disk.mirror:
        names = [state.get(Node, uuid).name for uuid in disk.nodes]
        return [*names, disk.mirror.port, *disk.mirror.minors]
    if disk.driver:
        return [disk.driver, disk.location]
    return disk.location.split("/", 1)
