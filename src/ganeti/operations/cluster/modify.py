# SPDX-License-Identifier: BSD-2-Clause
"""Change the cluster's settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from ganeti.declare.command import Command
from ganeti.declare.operation import Hook
from ganeti.declare.parameter import param
from ganeti.declare.problems import Problems
from ganeti.declare.route import Route
from ganeti.declare.setting import given_settings, with_settings
from ganeti.declare.types import MOST_NAMES, NonNegative, Parameters
from ganeti.errors import WrongInput, WrongState
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.lockset import LockSet, all_exclusive
from ganeti.jobs.operation import JobOperation
from ganeti.jobs.preview import Preview
from ganeti.model.cluster import Cluster
from ganeti.model.communication import with_network
from ganeti.model.cpu import follow_group
from ganeti.model.disk import DiskTemplate
from ganeti.model.entity import Entity
from ganeti.model.group import Group
from ganeti.model.guest import ensure_backend_sense
from ganeti.model.kind import Kind
from ganeti.model.network import Network
from ganeti.model.state import State
from ganeti.model.user_ids import ordered, without
from ganeti.operations.cluster.changes import changed
from ganeti.operations.cluster.facts import hand_out
from ganeti.operations.cluster.parameters_on_nodes import ensure_nodes_can
from ganeti.operations.cluster.spelling import MODIFY_OPTIONS, layered_parameters
from ganeti.operations.group.cpu_model import with_found_models
from ganeti.operations.instance.allocator import ensure_default_allocator
from ganeti.operations.node.candidates import promote, promotions
from ganeti.operations.node.spindles import ensure_exclusive_possible
from ganeti.operations.node.switches import set_up_switches, with_other_switches
from ganeti.rpc.contract.node import CheckDevice

_Uids = Annotated[list[tuple[NonNegative, NonNegative]], Meta(max_length=MOST_NAMES)]

# What nodes read in their ssconf files when they start a guest or open a disk.
_FOLLOWED_BY_NODES = ("uid_pool", "gluster_storage_dir")


@dataclass(frozen=True, slots=True)
class ClusterModifyPlan:
    """The cluster as it is to be, and what else has to be in the configuration then."""

    cluster: Cluster
    others: tuple[Entity, ...]


@with_settings(Cluster, "modify")
class ClusterModify(JobOperation[ClusterModifyPlan], frozen=True, kw_only=True, tag="OP_CLUSTER_SET_PARAMS"):
    """Modify the parameters of the cluster, which nodes and instances inherit."""

    routes: ClassVar[tuple[Route, ...]] = (Route("PUT", "/modify", body=True),)
    hook: ClassVar[Hook | None] = Hook("cluster-modify", "CLUSTER")
    commands: ClassVar[tuple[Command, ...]] = (
        Command(
            "gnt-cluster",
            "modify",
            options=MODIFY_OPTIONS,
            compose=layered_parameters,
            usage="[<opts>...]",
        ),
    )

    force: Annotated[
        bool,
        param(
            "Proceed even if nodes say that guests cannot run, or disks cannot be stored, with the new values",
            "-f",
            "--force",
        ),
    ] = False
    hv_state: Annotated[Parameters | None, param("State of hypervisors", unsupported=True)] = None
    disk_state: Annotated[Parameters | None, param("State of storage", unsupported=True)] = None
    add_uids: Annotated[_Uids | None, param("User IDs to add to the user-ID pool: ranges, first and last")] = None
    remove_uids: Annotated[_Uids | None, param("User IDs to remove from the user-ID pool, likewise")] = None

    def locks(self, state: State) -> LockSet:
        del state
        given = given_settings(Cluster, self)
        if given.get("instance_communication_network") is None:
            locks = all_exclusive(Kind.CLUSTER)
            return locks | all_exclusive(Kind.GROUP) if _follows_groups(given) else locks
        return all_exclusive(Kind.CLUSTER) | all_exclusive(Kind.GROUP) | all_exclusive(Kind.NETWORK)

    async def check(self, cluster: CheckContext) -> ClusterModifyPlan:
        state, given = cluster.state, given_settings(Cluster, self)
        if not (given or self.add_uids or self.remove_uids):
            raise WrongInput("Nothing to change; 'gnt-cluster modify --help' lists what can be")
        problems = Problems()
        with problems.noted():
            if self.add_uids or self.remove_uids:
                given = {**given, "uid_pool": self._user_ids(state.cluster, given.get("uid_pool"))}
        new = changed(state.cluster, given, problems)
        with problems.noted():
            if {"default_iallocator", "default_iallocator_params"} & given.keys():
                ensure_default_allocator(cluster.allocators, new)
        with problems.noted():
            if "master_netdev" in given:
                await cluster.call(state.master, CheckDevice(device=new.master_netdev))
        others = problems.attempt(lambda: with_network(state, new, cluster.random.uuid()), tuple[Entity, ...]())
        _note_uses(state, new, problems)
        with problems.noted():
            if _follows_groups(given):
                groups = await with_found_models(cluster, state.changed([new, *others]))
                others = tuple({one.uuid: one for one in (*others, *groups)}.values())
            if not self.force:
                await ensure_nodes_can(cluster, [new, *others])
        with problems.noted():
            await ensure_exclusive_possible(cluster, state.changed([new]))
        problems.tell()
        return ClusterModifyPlan(new, others)

    def preview(self, state: State, plan: ClusterModifyPlan) -> Preview:
        made = (f"make network {one.name} ({one.network})" for one in plan.others if isinstance(one, Network))
        groups = [(one, state.get(Group, one.uuid)) for one in plan.others if isinstance(one, Group)]
        connected = (f"connect node group {one.name} to it" for one, old in groups if one.networks != old.networks)
        models = (
            f"have {one.cpu_model} as the CPU model of node group {one.name}"
            for one, old in groups
            if one.cpu_model != old.cpu_model
        )
        return Preview.of_settings(state.cluster, plan.cluster, (*made, *connected, *models))

    async def run(self, cluster: RunContext, plan: ClusterModifyPlan) -> None:
        new, before = plan.cluster, cluster.state.cluster
        if new == before and not plan.others:
            cluster.log("Nothing changed: the cluster has these settings already")
            return
        after = cluster.state.changed([new])
        await set_up_switches(cluster, after, with_other_switches(cluster.state, after))
        models = {group.uuid: group.cpu_model for group in cluster.state.groups}
        await cluster.commit([new, *plan.others])
        for made in plan.others:
            if isinstance(made, Network):
                cluster.log(f"Network {made.name} ({made.network}) is made, for communication with guests")
            elif isinstance(made, Group) and made.cpu_model != models[made.uuid]:
                cluster.log(f"The CPU model that the nodes of group {made.name} share is {made.cpu_model}")
        if any(getattr(new, name) != getattr(before, name) for name in _FOLLOWED_BY_NODES):
            await hand_out(cluster, "the new settings")
        if "candidate_pool_size" in given_settings(Cluster, self):
            await promote(cluster, promotions(cluster.state))

    def _user_ids(self, cluster: Cluster, given: list[tuple[int, int]] | None) -> tuple[tuple[int, int], ...]:
        pool = cluster.uid_pool if given is None else ordered(given, "Parameter 'uid_pool'")
        added = ordered([*pool, *(self.add_uids or ())], "Parameter 'add_uids'")
        return without(added, self.remove_uids or (), "Parameter 'remove_uids'")

    def hook_environment(self, state: State, plan: ClusterModifyPlan) -> dict[str, str]:
        del state
        return {"NEW_VG_NAME": plan.cluster.vg_name or ""}


def _follows_groups(given: Mapping[str, Any]) -> bool:
    """Whether settings have guests take the CPU model of their node group."""
    by_os = given.get("os_hvp", {}).values()
    return follow_group(table.get("kvm", {}) for table in (given.get("hvparams", {}), *by_os))


def _note_uses(state: State, new: Cluster, problems: Problems) -> None:
    """Note what instances use that is to be disabled, or that conflicts with what they will inherit."""
    after = state.changed([new])
    with problems.noted():
        if new.gluster_storage_dir != state.cluster.gluster_storage_dir:
            _ensure_no_gluster(state)
    for instance in state.instances:
        with problems.noted():
            if instance.hypervisor not in new.enabled_hypervisors:
                raise WrongState(f"Hypervisor '{instance.hypervisor}' is in use by instance {instance.name}")
        with problems.noted():
            if instance.disk_template not in new.enabled_disk_templates:
                raise WrongState(f"Disk template '{instance.disk_template}' is in use by instance {instance.name}")
        with problems.noted():
            if new.beparams != state.cluster.beparams:
                ensure_backend_sense(after, instance)
        with problems.noted():
            if not new.uid_pool and instance.hvparams.get("security_model") == "pool":
                raise WrongState(
                    f"Parameter 'uid_pool': instance {instance.name} has security_model 'pool', which needs user IDs"
                )


def _ensure_no_gluster(state: State) -> None:
    """Raise WrongState if a guest may have a disk open below the present directory."""
    for instance in state.instances:
        if instance.disk_template is DiskTemplate.GLUSTER:
            raise WrongState(
                f"Parameter 'gluster_storage_dir': instance {instance.name} has disks below the present directory, "
                f"{state.cluster.gluster_storage_dir}"
            )
