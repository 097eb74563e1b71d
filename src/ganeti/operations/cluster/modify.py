# SPDX-License-Identifier: BSD-2-Clause
"""Change the cluster's parameters."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ganeti.declare.command import Command, Option
from ganeti.declare.operation import Hook, Route
from ganeti.declare.parameter import param
from ganeti.declare.types import NonEmpty, NonNegative, Parameters, Positive
from ganeti.errors import WrongInput, WrongState
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.locks import LockSet, all_exclusive
from ganeti.jobs.operation import JobOperation
from ganeti.model.cluster import Cluster
from ganeti.model.kind import Kind
from ganeti.model.state import State
from ganeti.operations.cluster.changes import changed
from ganeti.operations.cluster.spelling import LAYERED_OPTIONS, POLICY_OPTIONS, cluster_parameters
from ganeti.operations.instance.create import DiskTemplateName, HypervisorName
from ganeti.operations.node.candidates import promote, promotions

_Uids = list[tuple[int, int]]
_Edits = list[tuple[str, str]]


class ClusterModify(JobOperation[Cluster], frozen=True, kw_only=True, tag="OP_CLUSTER_SET_PARAMS"):
    """Modify the parameters of the cluster, which nodes and instances inherit."""

    route: ClassVar[Route | None] = Route("PUT", "/modify", body=True)
    hook: ClassVar[Hook | None] = Hook("cluster-modify", "CLUSTER")
    command: ClassVar[Command | None] = Command(
        "gnt-cluster",
        "modify",
        options=(
            *LAYERED_OPTIONS,
            *POLICY_OPTIONS,
            Option(
                ("--enabled-hypervisors",),
                "Enabled hypervisors; the first is the default",
                kind="list",
                metavar="HYPERVISORS",
                completes="hypervisor",
            ),
            Option(
                ("--enabled-disk-templates",),
                "Enabled disk templates",
                kind="list",
                metavar="TEMPLATES",
                completes="disk template",
            ),
        ),
        compose=cluster_parameters,
        usage="[<opts>...]",
    )

    force: Annotated[bool, param("Accepted", "-f", "--force")] = False
    hv_state: Annotated[Parameters | None, param("State of hypervisors")] = None
    disk_state: Annotated[Parameters | None, param("State of storage")] = None
    vg_name: Annotated[str | None, param("LVM volume group for instance disks", "--vg-name")] = None
    enabled_hypervisors: Annotated[
        list[HypervisorName] | None, param("Enabled hypervisors; the first is the default")
    ] = None
    hvparams: Annotated[dict[str, Parameters] | None, param("Hypervisor parameters, by hypervisor")] = None
    beparams: Annotated[
        Parameters | None,
        param(
            "Backend parameters", "-B", "--backend-parameters", metavar="KEY=VALUE,...", completes="backend parameter"
        ),
    ] = None
    os_hvp: Annotated[dict[str, dict[str, Parameters]] | None, param("Hypervisor parameters by OS and hypervisor")] = (
        None
    )
    osparams: Annotated[dict[str, Parameters] | None, param("OS parameters, by OS")] = None
    osparams_private_cluster: Annotated[
        dict[str, Parameters] | None, param("Private OS parameters, by OS", secret=True)
    ] = None
    diskparams: Annotated[dict[str, Parameters] | None, param("Disk parameters, by template")] = None
    candidate_pool_size: Annotated[
        Positive | None, param("Desired number of master candidates", "-C", "--candidate-pool-size", metavar="N")
    ] = None
    max_running_jobs: Annotated[
        Positive | None, param("Maximum number of jobs running at the same time", "--max-running-jobs", metavar="N")
    ] = None
    max_tracked_jobs: Annotated[
        Positive | None,
        param("Accepted for compatibility; all queued jobs are tracked", "--max-tracked-jobs", metavar="N"),
    ] = None
    uid_pool: Annotated[_Uids | None, param("User-ID pool for guests")] = None
    add_uids: Annotated[_Uids | None, param("User IDs to add to the user-ID pool")] = None
    remove_uids: Annotated[_Uids | None, param("User IDs to remove from the user-ID pool")] = None
    maintain_node_health: Annotated[
        bool | None,
        param(
            "Whether the watcher shuts down instances that run where they should not",
            "--maintain-node-health",
            metavar="YES|NO",
        ),
    ] = None
    prealloc_wipe_disks: Annotated[
        bool | None,
        param(
            "Whether disks are wiped before they are given to an instance", "--prealloc-wipe-disks", metavar="YES|NO"
        ),
    ] = None
    nicparams: Annotated[
        Parameters | None,
        param("NIC parameters", "-N", "--nic-parameters", metavar="KEY=VALUE,...", completes="NIC parameter"),
    ] = None
    ndparams: Annotated[
        Parameters | None,
        param("Node parameters", "--node-parameters", metavar="KEY=VALUE,...", completes="node parameter"),
    ] = None
    ipolicy: Annotated[Parameters | None, param("Instance policy")] = None
    drbd_helper: Annotated[str | None, param("Path of the DRBD usermode helper", "--drbd-usermode-helper")] = None
    default_iallocator: Annotated[
        str | None, param("Default instance allocator", "-I", "--default-iallocator", metavar="NAME")
    ] = None
    default_iallocator_params: Annotated[
        Parameters | None,
        param("Parameters of the default instance allocator", "--default-iallocator-params", metavar="KEY=VALUE,..."),
    ] = None
    mac_prefix: Annotated[
        NonEmpty | None,
        param("Prefix of generated MAC addresses, such as aa:00:00", "-m", "--mac-prefix", metavar="PREFIX"),
    ] = None
    master_netdev: Annotated[
        str | None, param("Network interface that holds the master IP address", "--master-netdev", metavar="DEVICE")
    ] = None
    master_netmask: Annotated[
        NonNegative | None,
        param("Netmask of the master IP address, as a prefix length", "--master-netmask", metavar="BITS"),
    ] = None
    reserved_lvs: Annotated[
        list[NonEmpty] | None, param("Logical volumes that verify ignores: (add or remove, regular expression)")
    ] = None
    hidden_os: Annotated[_Edits | None, param("Hidden OSes: (add or remove, name)")] = None
    blacklisted_os: Annotated[_Edits | None, param("Blacklisted OSes: (add or remove, name)")] = None
    use_external_mip_script: Annotated[
        bool | None,
        param(
            "Whether an external script sets up the master IP address", "--use-external-mip-script", metavar="YES|NO"
        ),
    ] = None
    enabled_disk_templates: Annotated[list[DiskTemplateName] | None, param("Enabled disk templates")] = None
    modify_etc_hosts: Annotated[
        bool | None, param("Whether /etc/hosts of the nodes is managed", "--modify-etc-hosts", metavar="YES|NO")
    ] = None
    file_storage_dir: Annotated[
        str | None, param("Directory for file-based disks", "--file-storage-dir", metavar="DIR")
    ] = None
    shared_file_storage_dir: Annotated[
        str | None,
        param("Directory for file-based disks on shared storage", "--shared-file-storage-dir", metavar="DIR"),
    ] = None
    gluster_storage_dir: Annotated[str | None, param("Directory where Gluster volumes are mounted")] = None
    install_image: Annotated[
        str | None, param("Image of the helper guest that runs OS installations", "--install-image")
    ] = None
    instance_communication_network: Annotated[
        str | None,
        param("Network for communication between guests and the metadata daemon", "--instance-communication-network"),
    ] = None
    zeroing_image: Annotated[str | None, param("OS image that is used to zero disks", "--zeroing-image")] = None
    compression_tools: Annotated[list[NonEmpty] | None, param("Compression tools for instance moves")] = None
    enabled_user_shutdown: Annotated[
        bool | None,
        param("Whether an instance that is shut down from inside stays down", "--user-shutdown", metavar="YES|NO"),
    ] = None
    enabled_data_collectors: Annotated[dict[str, bool] | None, param("Data collectors to enable or disable")] = None
    data_collector_interval: Annotated[
        dict[str, int] | None, param("Intervals of the data collectors, microseconds")
    ] = None

    def locks(self, state: State) -> LockSet:
        del state
        return all_exclusive(Kind.CLUSTER)

    async def check(self, cluster: CheckContext) -> Cluster:
        state = cluster.state
        given = {name: getattr(self, name) for name in self.parameters()}
        new = changed(state.cluster, given)
        if new == state.cluster and self.force is False:
            raise WrongInput("Nothing to change; 'gnt-cluster modify --help' lists what can be")
        _ensure_not_in_use(state, new)
        return new

    async def run(self, cluster: RunContext, plan: Cluster) -> None:
        await cluster.commit([plan])
        await promote(cluster, promotions(cluster.state))

    def hook_environment(self, state: State, plan: Cluster) -> dict[str, str]:
        del state, plan
        return {"NEW_VG_NAME": self.vg_name or ""}


def _ensure_not_in_use(state: State, new: Cluster) -> None:
    """Raise WrongState if an instance needs a hypervisor or disk template that is to be switched off."""
    for instance in state.instances:
        if instance.hypervisor not in new.enabled_hypervisors:
            raise WrongState(f"Hypervisor '{instance.hypervisor}' is in use by instance {instance.name}")
        if instance.disk_template not in new.enabled_disk_templates:
            raise WrongState(f"Disk template '{instance.disk_template}' is in use by instance {instance.name}")
