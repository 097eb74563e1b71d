# SPDX-License-Identifier: BSD-2-Clause
"""The paths of a node. All are below one root directory, so that one machine can have many nodes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ganeti.host.daemons import Daemon

ROOT_VARIABLE = "GANETI_ROOT"


@dataclass(frozen=True, slots=True)
class Paths:
    """The files and directories of one node. Names and places are those of Ganeti where it has them."""

    root: Path = Path("/")

    @classmethod
    def from_environment(cls) -> Paths:
        return cls(Path(os.environ.get(ROOT_VARIABLE, "/")))

    def under(self, path: str) -> Path:
        """A path of this machine for an absolute path of the node."""
        return self.root / path.lstrip("/")

    @property
    def state(self) -> Path:
        """What must survive a reboot: certificates, the store, ssconf files."""
        return self.under("/var/lib/ganeti")

    @property
    def run(self) -> Path:
        """What must not survive a reboot: sockets, PID files, guests' control files."""
        return self.under("/run/ganeti")

    @property
    def log(self) -> Path:
        return self.under("/var/log/ganeti")

    @property
    def etc(self) -> Path:
        return self.under("/etc/ganeti")

    @property
    def hooks(self) -> Path:
        return self.etc / "hooks"

    @property
    def restricted_commands(self) -> Path:
        """The commands that the master may run on this node; only the administrator creates this directory."""
        return self.etc / "restricted-commands"

    @property
    def out_of_band(self) -> Path:
        """Addresses, users and passwords of the nodes' management controllers; on master candidates."""
        return self.etc / "oob.toml"

    @property
    def software(self) -> Path:
        """The versions of this software that are installed; see ``ganeti.host.versions``."""
        return self.under("/opt/ganeti")

    @property
    def upgrade(self) -> Path:
        """The progress of an upgrade of the cluster, while one is under way; on the master."""
        return self.state / "upgrade"

    def kept_store(self, version: str) -> Path:
        """The cluster's state from when this version of the software was last used; on the master of that time."""
        return self.state / f"{self.store.name}.{version}"

    @property
    def store(self) -> Path:
        """The cluster's state: on the master the original, on master candidates a replica."""
        return self.state / "cluster.db"

    @property
    def term(self) -> Path:
        """The newest term this node has heard of, and its master."""
        return self.state / "term"

    @property
    def ca_certificate(self) -> Path:
        """The trusted CAs: one, or several during a renewal."""
        return self.state / "ca.pem"

    @property
    def ca_key(self) -> Path:
        """Only on master candidates."""
        return self.state / "ca.key"

    @property
    def known_hosts(self) -> Path:
        """The SSH host keys of the cluster's nodes."""
        return self.state / "known_hosts"

    @property
    def ssh_host_keys(self) -> Path:
        """The directory of this machine's own, which belongs to its SSH server."""
        return self.under("/etc/ssh")

    @property
    def node_certificate(self) -> Path:
        """The certificate and its key, so that they are replaced together."""
        return self.state / "node.pem"

    @property
    def node_key(self) -> Path:
        """Where earlier versions had the key; only used if the file of the certificate contains none."""
        return self.state / "node.key"

    @property
    def next_node_key(self) -> Path:
        """The key of a certificate that the node has requested."""
        return self.state / "next-node.key"

    @property
    def rapi_certificate(self) -> Path:
        """Certificate, chain and key of the remote API in one file, as in Ganeti."""
        return self.state / "rapi.pem"

    @property
    def rapi_users(self) -> Path:
        return self.state / "rapi" / "users"

    @property
    def domain_secret(self) -> Path:
        """The shared secret of clusters that exchange instances; on master candidates, as in Ganeti."""
        return self.state / "cluster-domain-secret"

    @property
    def spice_certificate(self) -> Path:
        """Certificate, chain and key of the SPICE consoles of guests, as in Ganeti."""
        return self.state / "spice.pem"

    @property
    def spice_authority(self) -> Path:
        """The CA of that certificate."""
        return self.state / "spice-ca.pem"

    @property
    def noted(self) -> Path:
        """The term and the revision that a new master must not be behind; see ``ganeti.config.mandate``."""
        return self.state / "noted"

    @property
    def leaving(self) -> Path:
        """Exists while this node leaves its cluster; meanwhile its remaining data about it are invalid."""
        return self.state / "leaving"

    @property
    def master_starts(self) -> Path:
        """The number of the last start of a master daemon here; see ``ganeti.rpc.turns``."""
        return self.state / "master-starts"

    @property
    def replica_term(self) -> Path:
        """The term in which the replica in ``store`` was last replaced completely."""
        return self.state / "replica-term"

    @property
    def confd_key(self) -> Path:
        """The HMAC key of queries to ganeti-confd, on all nodes."""
        return self.state / "hmac.key"

    @property
    def config_data(self) -> Path:
        """The configuration in Ganeti's form, for other programs; on master candidates."""
        return self.state / "config.data"

    @property
    def queue_drain(self) -> Path:
        """Exists while the queue is drained, for other programs; on master candidates."""
        return self.queue / "drain"

    @property
    def queue(self) -> Path:
        """Of files about jobs, for other programs; on master candidates."""
        return self.state / "queue"

    def job_file(self, number: int, *, archived: bool) -> Path:
        """Where Ganeti has the file of a job: 10,000 archived ones in a directory."""
        place = self.queue / "archive" / str(number // 10_000) if archived else self.queue
        return place / f"job-{number}"

    def job_files(self) -> list[Path]:
        """Those that exist."""
        found = (*self.queue.glob("job-*"), *self.queue.glob("archive/*/job-*"))
        return [path for path in found if path.name.removeprefix("job-").isdecimal()]

    @property
    def machines(self) -> Path:
        """What the machines of this node's guests keep while they are off, a directory for each."""
        return self.state / "machines"

    @property
    def master_socket(self) -> Path:
        return self.run / "socket" / "ganeti-master"

    @property
    def move_keys(self) -> Path:
        """Keys for moves of instances between clusters, each with its certificate in a file; until the next boot."""
        return self.run / "crypto"

    @property
    def metadata(self) -> Path:
        """What the metadata daemon tells the guests of this node, a file for each."""
        return self.run / "metadata"

    @property
    def metadata_socket(self) -> Path:
        return self.run / "socket" / "ganeti-metad"

    @property
    def watcher_pause(self) -> Path:
        """Until when the watcher is paused (seconds since the epoch), for scripts; on the master."""
        return self.state / "watcher.pause"

    @property
    def watcher_log(self) -> Path:
        return self.log / "watcher.log"

    @property
    def instance_status(self) -> Path:
        """A line for each instance, its name and its status, for scripts; on the master."""
        return self.state / "instance-status"

    def instance_status_of(self, group: str) -> Path:
        """Likewise for the instances of a node group, by its UUID."""
        return self.state / f"watcher.{group}.instance-status"

    def instance_statuses(self) -> list[Path]:
        """All such files that may exist."""
        return [self.instance_status, *sorted(self.state.glob(self.instance_status_of("*").name))]

    def ssconf(self, key: str) -> Path:
        """The file of one fact about the cluster, so that scripts need not ask the master."""
        return self.state / f"ssconf_{key}"

    def lock_file(self, daemon: Daemon) -> Path:
        """Held by the daemon as long as it runs."""
        return self.run / f"{daemon}.lock"

    def pid_file(self, daemon: Daemon) -> Path:
        return self.run / f"{daemon}.pid"

    def log_file(self, daemon: Daemon) -> Path:
        """Of the metadata daemon, which may not open files, what it prints."""
        kind = "out" if daemon is Daemon.METADATA else "log"
        return self.log / f"{daemon.removeprefix('ganeti-')}.{kind}"

    @property
    def os_search_path(self) -> tuple[Path, ...]:
        """The search path of OS providers; the first one found counts (gnt-cluster(8) info)."""
        places = ("/srv/ganeti/os", "/usr/local/lib/ganeti/os", "/usr/lib/ganeti/os", "/usr/share/ganeti/os")
        return tuple(self.under(place) for place in places)

    @property
    def storage_search_path(self) -> tuple[Path, ...]:
        """The search path of external storage providers; the first one found counts (gnt-storage(8))."""
        places = ("/srv/ganeti", "/usr/local/lib/ganeti", "/usr/lib/ganeti", "/usr/share/ganeti")
        return tuple(self.under(f"{place}/extstorage") for place in places)

    @property
    def iallocator_search_path(self) -> tuple[Path, ...]:
        """The search path of instance allocators; the first one found counts (Ganeti's iallocator documentation)."""
        places = ("/usr/local/lib/ganeti/iallocators", "/usr/lib/ganeti/iallocators")
        return tuple(self.under(place) for place in places)
