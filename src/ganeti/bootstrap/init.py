# SPDX-License-Identifier: BSD-2-Clause
"""Creating a new cluster, with this machine as its master: ``gnt-cluster init``."""

from __future__ import annotations

import asyncio
import secrets
import uuid
from collections.abc import Callable

from ganeti.bootstrap.new_cluster import NewCluster
from ganeti.config.configuration import record_of
from ganeti.config.sqlite import SqliteStore
from ganeti.config.ssconf import facts_of
from ganeti.config.store import FORMAT
from ganeti.declare.problems import Problems
from ganeti.declare.setting import given_settings
from ganeti.errors import EnvironmentUnfit, NotUnique, WrongInput, WrongState
from ganeti.host import addresses
from ganeti.host.certificates import create_authority, create_node_credentials, create_server_credentials, fingerprint
from ganeti.host.clock import Clock
from ganeti.host.files import write_atomic
from ganeti.host.iallocators import Iallocators
from ganeti.host.paths import Paths
from ganeti.model.cluster import CONFD_KEY_BYTES, Cluster
from ganeti.model.communication import with_network
from ganeti.model.entity import Entity, evolve
from ganeti.model.group import Group
from ganeti.model.node import Node
from ganeti.model.parameters import filled
from ganeti.model.parameters.hypervisor import KvmParameters
from ganeti.model.parameters.node import NodeParameters
from ganeti.model.report import unequal
from ganeti.model.state import State
from ganeti.node.membership import Bundle, KeptFacts, ensure_free, enter, leave
from ganeti.node.storage.lvm.plain import problems as volume_group_problems
from ganeti.node.storage.lvm.volumes import Volumes
from ganeti.operations.cluster.changes import changed
from ganeti.operations.instance.allocator import ensure_default_allocator
from ganeti.rpc.contract.store import Position

DEFAULT_GROUP = "default"
FIRST_TERM = 1
_DEFAULT_IP_VERSION = 4

_RAPI_USERS = """\
# Who may use the remote API: NAME PASSWORD [PERMISSIONS], a line each.
# Permissions: "read" (the default), "operate", "admin"; "write" is everything.
"""


def plan(wanted: NewCluster, paths: Paths, clock: Clock) -> State:
    """The initial state of the cluster. Raises a CheckFailed that says why it is not possible; nothing is changed."""
    ensure_free(paths)
    version = given_settings(Cluster, wanted).get("primary_ip_version", _DEFAULT_IP_VERSION)
    node_name, node_ip = addresses.resolve(addresses.own_name(), version)
    if node_ip.startswith("127.") or node_ip == "::1":
        raise EnvironmentUnfit(
            f"The name of this machine, {node_name}, resolves to {node_ip}, which other nodes cannot reach; "
            "give it its real address in the DNS or in /etc/hosts"
        )
    if not addresses.is_own_address(node_ip):
        raise EnvironmentUnfit(
            f"The name of this machine, {node_name}, resolves to {node_ip}, which is not an address of this machine"
        )
    cluster_name, cluster_ip = addresses.resolve(wanted.cluster_name, version)
    _ensure_cluster_address(cluster_name, cluster_ip, node_ip)
    return _state(wanted, (cluster_name, cluster_ip), (node_name, node_ip), paths, clock.now())


def carry_out(state: State, paths: Paths, start_daemons: Callable[[], None]) -> None:
    """Write everything and start the daemons. If something fails, nothing is left."""
    try:
        state = _write_credentials(state, paths)
        _write_store(state, paths)
        start_daemons()
    except BaseException:
        leave(paths)
        raise


def _ensure_cluster_address(cluster_name: str, cluster_ip: str, node_ip: str) -> None:
    if cluster_ip == node_ip:
        raise WrongInput(
            f"Parameter 'cluster_name': {cluster_name} has the address of this node, {node_ip}; "
            "the cluster needs one of its own, which moves along with the master"
        )
    if addresses.is_own_address(cluster_ip) or addresses.answers(cluster_ip, 22):
        raise NotUnique(f"The address of the cluster, {cluster_ip} ({cluster_name}), is in use already")


def _state(wanted: NewCluster, named: tuple[str, str], master: tuple[str, str], paths: Paths, now: float) -> State:
    """``named`` and ``master``: (name, address) of the cluster and of this node."""
    cluster_name, cluster_ip = named
    node_name, node_ip = master
    group = Group(uuid=_uuid(), name=DEFAULT_GROUP, serial_no=1, ctime=now, mtime=now)
    node = Node(
        uuid=_uuid(),
        name=node_name,
        serial_no=1,
        ctime=now,
        mtime=now,
        primary_ip=node_ip,
        secondary_ip=wanted.secondary_ip or "",
        group=group.uuid,
        master_candidate=True,
    )
    cluster = Cluster(
        uuid=_uuid(),
        name=cluster_name,
        serial_no=1,
        ctime=now,
        mtime=now,
        master_node=node.uuid,
        master_ip=cluster_ip,
        master_netmask=addresses.longest_prefix(cluster_ip),
        confd_key=secrets.token_hex(CONFD_KEY_BYTES),
    )
    problems = Problems()
    cluster = _bootable(changed(cluster, given_settings(Cluster, wanted), problems), paths)
    with problems.noted():
        _ensure_device(cluster.master_netdev)
    with problems.noted():
        allocators = Iallocators(paths.iallocator_search_path)
        ensure_default_allocator(allocators, cluster)
    with problems.noted():
        _ensure_volume_group(cluster)
    with problems.noted():
        if node.secondary_ip and not addresses.is_own_address(node.secondary_ip):
            raise WrongInput(f"Parameter 'secondary_ip': {node.secondary_ip} is not an address of this machine")
    state = State().changed([group, node, evolve(cluster, serial_no=1)])
    others = problems.attempt(lambda: with_network(state, cluster, _uuid()), tuple[Entity, ...]())
    problems.tell()
    return state.changed(evolve(other, serial_no=1, ctime=now, mtime=now) for other in others)


def _ensure_device(name: str) -> None:
    if not name:
        raise WrongInput("Parameter 'master_netdev' is missing: name the network interface for the cluster's address")
    if name not in addresses.interfaces():
        raise WrongInput(
            f"Parameter 'master_netdev': there is no network interface '{name}' on this machine; "
            f"choose from {', '.join(addresses.interfaces())}"
        )


def _ensure_volume_group(cluster: Cluster) -> None:
    if not cluster.vg_name:
        return
    if why := asyncio.run(volume_group_problems(Volumes(), cluster.vg_name)):
        raise WrongInput(f"Parameter 'vg_name': {'; '.join(why)}")
    if filled(NodeParameters, cluster.ndparams).exclusive_storage:
        found = asyncio.run(Volumes().groups())[cluster.vg_name].spindles
        if difference := unequal([found]):
            raise WrongInput(
                f"Parameter 'exclusive_storage': the physical volumes of {cluster.vg_name} have {difference}; they "
                "must not differ by more than 1 %"
            )


def _bootable(cluster: Cluster, paths: Paths) -> Cluster:
    """The default ``kernel_path`` is a file that no distribution ships; without it, guests boot from their disks."""
    kvm = cluster.hvparams.get("kvm", {})
    if "kernel_path" in kvm or paths.under(KvmParameters().kernel_path).exists():
        return cluster
    return evolve(cluster, hvparams={**cluster.hvparams, "kvm": {**kvm, "kernel_path": ""}})


def _write_credentials(state: State, paths: Paths) -> State:
    """The state, with the master's certificate recorded."""
    authority = create_authority(state.cluster.name)
    credentials = create_node_credentials(authority, state.master.name)
    master = evolve(state.master, certificate=fingerprint(credentials.certificate))
    state = state.changed([master])
    bundle = Bundle(
        cluster_name=state.cluster.name,
        ca=authority.certificate.decode(),
        certificate=credentials.certificate.decode(),
        term=FIRST_TERM,
        master=master.name,
        candidates={master.name: master.certificates},
    )
    write_atomic(paths.ca_key, authority.key)
    write_atomic(paths.rapi_certificate, create_server_credentials(authority, state.cluster.name))
    write_atomic(paths.rapi_users, _RAPI_USERS)
    enter(paths, bundle, credentials.key)
    KeptFacts(paths).write(facts_of(state))
    return state


def _write_store(state: State, paths: Paths) -> None:
    store = SqliteStore(paths.store)
    try:
        if store.position().revision:
            raise WrongState(f"There is already a cluster configuration in {paths.store}")
        records = [record_of(entity) for entities in state.entities.values() for entity in entities.values()]
        store.replace_now(Position(FORMAT, 1), records)
    finally:
        store.close()


def _uuid() -> str:
    return str(uuid.UUID(bytes=secrets.token_bytes(16), version=4))
