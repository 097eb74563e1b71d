# SPDX-License-Identifier: BSD-2-Clause
"""The cluster itself: its master, and the defaults that everything in it inherits."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from ganeti.declare.setting import setting
from ganeti.declare.types import (
    MOST_KINDS,
    MOST_NAMES,
    MacPrefix,
    Name,
    NetworkNameOrNone,
    NonEmpty,
    NonNegative,
    Parameters,
    ParametersByKind,
    Positive,
    Text,
    VolumeGroup,
    VolumeGroupOrNone,
    form,
)
from ganeti.model.compression import COMPRESSION_TOOLS, CompressionTool
from ganeti.model.disk import DiskTemplateName
from ganeti.model.entity import Entity
from ganeti.model.kind import Kind
from ganeti.model.parameters.hypervisor import HypervisorName
from ganeti.model.parameters.node import node_parameters
from ganeti.model.parameters.policy import Policy
from ganeti.model.template import TEMPLATES

_Directory = Annotated[
    str,
    form(r"(?!.*/\.\.?(/|\Z))((/[^/\x00-\x1f]+)+/?)?", "an absolute path below '/' and without '..', or nothing"),
]
_Device = Annotated[str, form(r"[^\s/]{1,15}", "the name of a network device, such as br0", longest=15)]
_Netmask = Annotated[int, Meta(ge=0, le=128)]
_Edits = Annotated[list[tuple[Literal["add", "remove"], Name]], Meta(max_length=MOST_NAMES)]
_ByOs = Annotated[dict[Name, ParametersByKind], Meta(max_length=MOST_NAMES)]
_UidRange = tuple[NonNegative, NonNegative]
_Uids = Annotated[tuple[_UidRange, ...], Meta(max_length=MOST_NAMES)]
_Lines = Annotated[list[NonEmpty], Meta(max_length=MOST_NAMES)]

_MOST_BITS = {4: 32, 6: 128}
DRBD_HELPER = "/bin/true"
CONFD_KEY_BYTES = 20  # as many as its signatures have


class Cluster(Entity, frozen=True, kw_only=True):
    """The ``*params`` override the software's defaults, by hypervisor or disk template where they differ.

    A field with a ``setting`` is a parameter of ``gnt-cluster init`` and ``modify``, a line of ``info`` if it has a
    title, and part of the remote API's description, all in this order.
    """

    kind: ClassVar[Kind] = Kind.CLUSTER

    master_node: str  # UUID
    master_ip: str = ""
    drained_queue: bool = False  # no new jobs are accepted
    watcher_paused_until: float = 0.0  # seconds since the epoch
    # During emergency power-offs: until when the watcher was paused before the first, and when each one's pause ends.
    watcher_pause_before: float | None = None
    watcher_covers: tuple[float, ...] = ()
    # Of the SPICE consoles of guests: certificate, chain and key, and the authority (PEM); or as nodes have them.
    spice_certificate: str = ""
    spice_authority: str = ""
    confd_key: str = ""  # the HMAC key of queries to ganeti-confd; empty until it is generated

    enabled_hypervisors: Annotated[
        tuple[str, ...],
        setting(
            "Enabled hypervisors; the first is the default",
            "--enabled-hypervisors",
            metavar="HYPERVISORS",
            completes="hypervisor",
            given=Annotated[list[HypervisorName], Meta(max_length=MOST_KINDS)],
        ),
    ] = ("kvm",)
    hvparams: Annotated[ParametersByKind, setting("Hypervisor parameters, by hypervisor")] = {}
    os_hvp: Annotated[_ByOs, setting("Hypervisor parameters by OS and hypervisor")] = {}
    osparams: Annotated[
        dict[str, dict[str, str]],
        setting(
            "OS parameters, by OS",
            given=ParametersByKind,
            reaches="environment",
        ),
    ] = {}
    osparams_private: Annotated[
        dict[str, dict[str, str]],
        setting(
            "Private OS parameters, by OS",
            parameter="osparams_private_cluster",
            given=ParametersByKind,
            secret=True,
            reaches="environment",
        ),
    ] = {}
    hidden_os: Annotated[frozenset[str], setting("Hidden OSes: (add or remove, name)", given=_Edits)] = frozenset()
    blacklisted_os: Annotated[frozenset[str], setting("Blacklisted OSes: (add or remove, name)", given=_Edits)] = (
        frozenset()
    )

    candidate_pool_size: Annotated[
        Positive,
        setting(
            "Desired number of master candidates",
            "-C",
            "--candidate-pool-size",
            metavar="N",
            title="candidate pool size",
        ),
    ] = 10
    max_running_jobs: Annotated[
        Positive,
        setting(
            "Maximum number of jobs running at the same time",
            "--max-running-jobs",
            metavar="N",
            title="maximal number of jobs running simultaneously",
        ),
    ] = 20
    max_tracked_jobs: Annotated[
        Positive,
        setting(
            "Number of queued jobs that are tracked",
            "--max-tracked-jobs",
            metavar="N",
            accepted="all are",
        ),
    ] = 25
    mac_prefix: Annotated[
        MacPrefix,
        setting(
            "Prefix of generated MAC addresses, such as aa:00:00",
            "-m",
            "--mac-prefix",
            metavar="PREFIX",
            title="mac prefix",
        ),
    ] = "aa:00:00"
    master_netdev: Annotated[
        _Device,
        setting(
            "Network interface that holds the master IP address",
            "--master-netdev",
            metavar="DEVICE",
            title="master netdev",
        ),
    ] = ""
    master_netmask: Annotated[
        _Netmask,
        setting(
            "Netmask of the master IP address, as a prefix length",
            "--master-netmask",
            metavar="BITS",
            title="master netmask",
        ),
    ] = 32
    use_external_mip_script: Annotated[
        bool,
        setting(
            "Whether an external script sets up the master IP address",
            "--use-external-mip-script",
            title="use external master IP address setup script",
            reaches="program",
        ),
    ] = False
    file_storage_dir: Annotated[
        _Directory,
        setting(
            "Directory for file-based disks",
            "--file-storage-dir",
            metavar="DIR",
            title="file storage path",
            reaches="path",
        ),
    ] = "/srv/ganeti/file-storage"
    shared_file_storage_dir: Annotated[
        _Directory,
        setting(
            "Directory for file-based disks on shared storage",
            "--shared-file-storage-dir",
            metavar="DIR",
            title="shared file storage path",
            reaches="path",
        ),
    ] = "/srv/ganeti/shared-file-storage"
    gluster_storage_dir: Annotated[
        _Directory,
        setting(
            "Directory where Gluster volumes are mounted",
            "--gluster-storage-dir",
            metavar="DIR",
            title="gluster storage path",
            reaches="path",
        ),
    ] = "/var/run/ganeti/gluster"
    maintain_node_health: Annotated[
        bool,
        setting(
            "Whether the watcher shuts down what runs on nodes that are marked offline and answer anyway",
            "--maintain-node-health",
            title="maintenance of node health",
        ),
    ] = False
    default_iallocator: Annotated[
        Text,
        setting(
            "Default instance allocator",
            "-I",
            "--default-iallocator",
            metavar="NAME",
            title="default instance allocator",
            reaches="program",
        ),
    ] = "hail"
    default_iallocator_params: Annotated[
        Parameters,
        setting(
            "Parameters of the default instance allocator",
            "--default-iallocator-params",
            metavar="KEY=VALUE,...",
            title="default instance allocator parameters",
            reaches="arguments",
        ),
    ] = {}
    primary_ip_version: Annotated[
        Literal[4, 6],
        setting(
            "IP version of primary addresses",
            "--primary-ip-version",
            title="primary ip version",
            when=("init",),
        ),
    ] = 4
    prealloc_wipe_disks: Annotated[
        bool,
        setting(
            "Whether disks are wiped before they are given to an instance",
            "--prealloc-wipe-disks",
            title="preallocation wipe disks",
        ),
    ] = False
    enabled_disk_templates: Annotated[
        tuple[str, ...],
        setting(
            "Enabled disk templates",
            "--enabled-disk-templates",
            metavar="TEMPLATES",
            completes="disk template",
            title="enabled disk templates",
            given=Annotated[list[DiskTemplateName], Meta(max_length=MOST_KINDS)],
        ),
    ] = ("diskless", "file", "sharedfile")
    enabled_user_shutdown: Annotated[
        bool,
        setting(
            "Whether an instance that is shut down from inside stays down",
            "--user-shutdown",
            title="enabled user shutdown",
        ),
    ] = False

    job_files: Annotated[
        bool,
        setting(
            "Whether master candidates also write jobs to files, queue/job-N, for other programs to read",
            "--job-files",
            title="job files",
        ),
    ] = False

    ndparams: Annotated[Parameters, node_parameters()] = {}
    beparams: Annotated[
        Parameters,
        setting(
            "Backend parameters", "-B", "--backend-parameters", metavar="KEY=VALUE,...", completes="backend parameter"
        ),
    ] = {}
    nicparams: Annotated[
        Parameters,
        setting("NIC parameters", "-N", "--nic-parameters", metavar="KEY=VALUE,...", completes="NIC parameter"),
    ] = {}
    diskparams: Annotated[ParametersByKind, setting("Disk parameters, by template")] = {}
    ipolicy: Annotated[Policy, setting("Instance policy", given=Parameters)] = Policy()

    modify_etc_hosts: Annotated[
        bool,
        setting(
            "Whether /etc/hosts of the nodes is managed",
            "--modify-etc-hosts",
            accepted="/etc/hosts is the administrator's",
        ),
    ] = True
    vg_name: Annotated[
        VolumeGroup | None,
        setting(
            "LVM volume group for instance disks; '' for none",
            "--vg-name",
            given=VolumeGroupOrNone,
            metavar="GROUP",
            title="lvm volume group",
            shown_as="volume_group_name",
        ),
    ] = None
    drbd_helper: Annotated[
        Text | None,
        setting(
            f"Path of the program that DRBD is to call on events, on all nodes; by default {DRBD_HELPER}",
            "--drbd-usermode-helper",
            shown_as="drbd_usermode_helper",
            reaches="program",
        ),
    ] = None
    reserved_lvs: Annotated[
        tuple[NonEmpty, ...],
        setting(
            "Logical volumes that 'verify' does not report as unknown: regular expressions for VG/LV",
            "--reserved-lvs",
            metavar="EXPRESSION,...",
            title="reserved lvs",
            given=_Lines,
            when=("modify",),
        ),
    ] = ()
    uid_pool: Annotated[
        _Uids,
        setting(
            "Users that guests can run as, each for itself (security_model=pool): ranges of user IDs, first and last",
            title="uid pool",
            given=Annotated[list[_UidRange], Meta(max_length=MOST_NAMES)],
            reaches="user",
        ),
    ] = ()
    install_image: Annotated[
        Text,
        setting(
            "Image of the helper guest that runs OS installations",
            "--install-image",
            unsupported=True,
            reaches="path",
        ),
    ] = ""
    instance_communication_network: Annotated[
        Text,
        setting(
            "Network for communication of guests with the metadata daemon of their node; '' for none",
            "--instance-communication-network",
            given=NetworkNameOrNone,
            metavar="NETWORK",
            title="instance communication network",
        ),
    ] = ""
    zeroing_image: Annotated[
        Text,
        setting(
            "OS image that is used to zero disks",
            "--zeroing-image",
            unsupported=True,
            reaches="path",
        ),
    ] = ""
    compression_tools: Annotated[
        tuple[str, ...],
        setting(
            "How disks and dumps may be compressed on their way between nodes: gzip-fast, gzip, gzip-slow; '' for none",
            "--compression-tools",
            metavar="TOOL,...",
            title="compression tools",
            given=Annotated[list[CompressionTool], Meta(max_length=MOST_KINDS)],
        ),
    ] = COMPRESSION_TOOLS
    enabled_data_collectors: Annotated[
        Annotated[dict[Name, bool], Meta(max_length=MOST_KINDS)],
        setting("Data collectors of the monitoring daemon to switch on or off, by name", when=("modify",)),
    ] = {}
    data_collector_interval: Annotated[
        Annotated[dict[Name, NonNegative], Meta(max_length=MOST_KINDS)],
        setting("Time between two looks of a data collector, microseconds, by name", when=("modify",)),
    ] = {}

    def problems(self) -> list[str]:
        """Which of its settings contradict each other."""
        found = []
        most = _MOST_BITS[self.primary_ip_version]
        if self.master_netmask > most:
            found.append(
                f"Parameter 'master_netmask': an IPv{self.primary_ip_version} prefix has at most {most} bits, "
                f"not {self.master_netmask}"
            )
        for template, row in TEMPLATES.items():
            if row.setting and template in self.enabled_disk_templates and not row.unit(self):
                needed = "an LVM volume group (--vg-name)" if row.in_volume_group else "a directory"
                found.append(f"Parameter '{row.setting}': disk template '{template}' is enabled and needs {needed}")
        if "gluster" in self.enabled_disk_templates and not self.gluster_storage_dir:
            found.append("Parameter 'gluster_storage_dir': disk template 'gluster' is enabled and needs a directory")
        inherited = (self.hvparams, *self.os_hvp.values())
        if not self.uid_pool and any(of.get("kvm", {}).get("security_model") == "pool" for of in inherited):
            found.append("Parameter 'uid_pool': security_model is 'pool' for guests, which needs user IDs (--uid-pool)")
        return found

    @property
    def default_hypervisor(self) -> str:
        return self.enabled_hypervisors[0]
