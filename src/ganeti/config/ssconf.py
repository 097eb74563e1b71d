# SPDX-License-Identifier: BSD-2-Clause
"""Facts of the cluster that every node keeps in files, so that scripts need not ask the master.

The files are those of Ganeti, ``/var/lib/ganeti/ssconf_<key>``, lists with one item per line, and some with names of
their own, such as ``known_hosts`` and the key for queries to ganeti-confd.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import get_args

from ganeti import VERSION
from ganeti.model.defaults import hypervisor_defaults
from ganeti.model.entity import Entity
from ganeti.model.kind import Kind
from ganeti.model.parameters.hypervisor import HypervisorName
from ganeti.model.state import State
from ganeti.model.user_ids import spelled

# The numbers of address families on Linux, as Ganeti's ssconf_primary_ip_family has them.
IP_VERSIONS = {"2": 4, "10": 6}
IP_FAMILIES = {version: family for family, version in IP_VERSIONS.items()}
# The file with the HMAC key of queries to ganeti-confd; the whole content is the key, the final newline too.
CONFD_KEY = "hmac.key"
KNOWN_HOSTS = "known_hosts"


def facts_of(state: State) -> dict[str, str]:
    """The files' contents: ssconf files by key, others by name."""
    return ssconf_values(state) | file_values(state)


def ssconf_values(state: State) -> dict[str, str]:
    """The ssconf files' contents by key."""
    cluster, nodes, master = state.cluster, state.nodes, state.master
    values = {
        "cluster_name": cluster.name,
        "cluster_tags": _lines(sorted(cluster.tags)),
        "master_candidates": _lines(node.name for node in state.candidates),
        "master_candidates_certs": _lines(f"{n.name}={one}" for n in state.candidates for one in n.certificates),
        "master_candidates_ips": _lines(node.primary_ip for node in state.candidates),
        "master_ip": cluster.master_ip,
        "master_netdev": cluster.master_netdev,
        "master_netmask": str(cluster.master_netmask),
        "master_node": master.name,
        "node_list": _lines(node.name for node in nodes),
        "node_primary_ips": _lines(f"{node.name} {node.primary_ip}" for node in nodes),
        "node_secondary_ips": _lines(f"{node.name} {node.migration_ip}" for node in nodes),
        "node_vm_capable": _lines(f"{node.name}={node.vm_capable}" for node in nodes),
        "offline_nodes": _lines(node.name for node in nodes if node.offline),
        "online_nodes": _lines(node.name for node in state.online_nodes),
        "primary_ip_family": IP_FAMILIES[cluster.primary_ip_version],
        "instance_list": _lines(instance.name for instance in state.instances),
        "hypervisor_list": _lines(cluster.enabled_hypervisors),
        "networks": _lines(f"{network.uuid} {network.name}" for network in state.networks),
        "nodegroups": _lines(f"{group.uuid} {group.name}" for group in state.groups),
        "file_storage_dir": cluster.file_storage_dir,
        "shared_file_storage_dir": cluster.shared_file_storage_dir,
        "gluster_storage_dir": cluster.gluster_storage_dir,
        "maintain_node_health": str(cluster.maintain_node_health),
        "enabled_user_shutdown": str(cluster.enabled_user_shutdown),
        "uid_pool": spelled(cluster.uid_pool, "\n"),
        "ssh_ports": _lines(f"{node.name}={state.node_parameters(node).ssh_port}" for node in nodes),
        "release_version": VERSION,
    }
    parameters = hypervisor_defaults(cluster)
    for hypervisor in get_args(HypervisorName):
        own = sorted(parameters.get(hypervisor, {}).items())
        values[f"hvparams_{hypervisor}"] = _lines(f"{key}={value}" for key, value in own)
    return values


def file_values(state: State) -> dict[str, str]:
    """The contents, by name, of the existing files with names of their own that every node must have."""
    cluster = state.cluster
    files = {
        KNOWN_HOSTS: known_hosts(state),
        CONFD_KEY: cluster.confd_key,
        "spice.pem": cluster.spice_certificate,
        "spice-ca.pem": cluster.spice_authority,
    }
    return {name: text.strip() for name, text in files.items() if text}


def known_hosts(state: State) -> str:
    """The SSH host keys of all nodes, for ``UserKnownHostsFile`` (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT").

    In Ganeti all nodes have one key, known by the cluster's name, which scripts give as ``HostKeyAlias``. Here each has
    its own, and all of them are keys of that name too.
    """
    name = state.cluster.name
    return _lines(f"{name},{node.name} {key}" for node in state.nodes for key in node.ssh_host_keys)


def digest(values: Mapping[str, str]) -> str:
    """A digest by which the facts of two nodes are compared."""
    text = "\0".join(f"{key}={value}" for key, value in sorted(values.items()))
    return hashlib.sha256(text.encode()).hexdigest()


def concerned(before: State, puts: Iterable[Entity], deletes: Iterable[Entity]) -> bool:
    """Whether a transaction can have changed any of the facts; of an instance, only the name is one."""
    return any(deletes) or any(e.kind is not Kind.INSTANCE or (e.kind, e.name) not in before.names for e in puts)


def _lines(items: Iterable[str]) -> str:
    return "\n".join(items)
