# SPDX-License-Identifier: BSD-2-Clause
"""An instance with every parameter filled in: all that a node needs to know to run it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ganeti.errors import WrongInput
from ganeti.model.cpu import with_group_model
from ganeti.model.disk import Disk, DiskTemplate
from ganeti.model.group import Group
from ganeti.model.instance import Instance
from ganeti.model.layout import Layout
from ganeti.model.network import Network, NetworkFacts, facts_of
from ganeti.model.nic import COMMUNICATION_LINK, Nic
from ganeti.model.node import Node
from ganeti.model.parameters import as_mapping, checked, filled
from ganeti.model.parameters.backend import BackendParameters
from ganeti.model.parameters.disk import AT_CREATION, DISK_PARAMETERS
from ganeti.model.parameters.hypervisor import HYPERVISOR_PARAMETERS
from ganeti.model.parameters.network import NicMode, NicParameters
from ganeti.model.state import State
from ganeti.model.template import TEMPLATES


class GuestNic(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A network card and where it is connected; see NicParameters.

    Without a ``link`` it is connected to nothing: its network is not connected to this node group.
    """

    uuid: str
    mac: str
    mode: NicMode
    link: str
    vlan: str = ""
    ip: str | None = None
    name: str | None = None
    network: NetworkFacts | None = None

    @property
    def communicates(self) -> bool:
        """Whether it leads to the metadata daemon of the guest's node, and nowhere else."""
        return self.mode == "routed" and self.link == COMMUNICATION_LINK


class Peer(Struct, frozen=True):
    """A node that holds disks of a guest; ``address`` is where it takes the traffic of disks.

    One that is marked ``offline`` is not waited for.
    """

    uuid: str
    name: str
    address: str
    offline: bool = False


class Guest(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``hvparams`` holds all parameters of its hypervisor, by name.

    ``peers``: the nodes that its disks are bound to, the one that runs it among them. ``layout``: where its devices are
    to be, if that is not left to its hypervisor. ``memory``: its current size after ballooning, MiB; ``base_memory``:
    the one it was started with, if ``maxmem`` has changed since. ``osparams_hidden``: the names of OS parameters that
    are shown to nobody but the guest itself. ``tags``: those of the instance. ``cpu_checked``: whether its
    node had all features of its CPU model when it was started; earlier software did not look. None if it is off.
    """

    uuid: str
    name: str
    hypervisor: str
    disk_template: DiskTemplate
    hvparams: dict[str, Any]
    beparams: BackendParameters
    os: str = ""
    osparams: dict[str, str] = {}
    osparams_hidden: tuple[str, ...] = ()
    disks: tuple[Disk, ...] = ()
    peers: tuple[Peer, ...] = ()
    nics: tuple[GuestNic, ...] = ()
    network_port: int | None = None
    layout: Layout | None = None
    memory: int | None = None
    base_memory: int | None = None
    tags: tuple[str, ...] = ()
    cpu_checked: bool | None = None

    def parameter_variables(self) -> dict[str, str]:
        """Its parameters as hooks and OS scripts get them; values are spelled as Ganeti does: True, None."""
        told = {f"BE_{name}": str(getattr(self.beparams, name)) for name in self.beparams.__struct_fields__}
        return told | {f"HV_{name}": str(value) for name, value in self.hvparams.items()}

    @property
    def may_keep(self) -> bool:
        """Whether its hypervisor has machines that keep something, with these parameters or others."""
        return "firmware" in self.hvparams

    @property
    def keeps(self) -> tuple[str, ...]:
        """What its machine keeps on a node while it is off, as text."""
        uefi, tpm = self.hvparams.get("firmware") == "uefi", self.hvparams.get("tpm")
        return (*(("UEFI variables",) if uefi else ()), *(("TPM state",) if tpm else ()))

    @property
    def memory_now(self) -> int:
        """Its memory after ballooning, or at its next start, MiB."""
        return self.memory or self.beparams.maxmem


def guest_of(
    state: State,
    instance: Instance,
    *,
    hvparams: Mapping[str, Any] | None = None,
    beparams: Mapping[str, Any] | None = None,
    osparams_secret: Mapping[str, str] | None = None,
) -> Guest:
    """The guest of an instance; ``hvparams`` and ``beparams`` override its own this time only."""
    group = group_of(state, instance)
    wanted = hypervisor_parameters(state, instance.hypervisor, instance.os, instance.hvparams, hvparams or {})
    return Guest(
        uuid=instance.uuid,
        name=instance.name,
        hypervisor=instance.hypervisor,
        disk_template=instance.disk_template,
        hvparams=with_group_model(wanted, group.cpu_model) if group else wanted,
        beparams=backend_parameters(state, instance, beparams or {}),
        os=instance.os,
        osparams=os_parameters(state, instance) | dict(osparams_secret or {}),
        osparams_hidden=tuple(sorted(os_parameters(state, instance).keys() - public_os_parameters(state, instance))),
        disks=disks_of(state, instance),
        peers=peers_of(state, instance.disks),
        nics=guest_nics(state, instance),
        network_port=instance.network_port,
        layout=instance.layout,
        tags=tuple(sorted(instance.tags)),
    )


def may_shut_itself_down(state: State, instance: Instance) -> bool:
    """Whether it stays down when its guest powers itself off."""
    if not state.cluster.enabled_user_shutdown:
        return False
    parameters = hypervisor_parameters(state, instance.hypervisor, instance.os, instance.hvparams)
    return bool(parameters.get("user_shutdown", True))


def peers_of(state: State, disks: Iterable[Disk]) -> tuple[Peer, ...]:
    """The nodes that disks are bound to, in the order in which the disks name them."""
    nodes = (state.get(Node, uuid) for uuid in dict.fromkeys(node for disk in disks for node in disk.nodes))
    return tuple(Peer(node.uuid, node.name, node.migration_ip, node.offline) for node in nodes)


def disks_of(state: State, instance: Instance) -> tuple[Disk, ...]:
    """The disks of an instance as nodes need them: with its name and every parameter of their template."""
    table = DISK_PARAMETERS[str(instance.disk_template)]
    layers, exclusive = disk_layers(state, instance), has_own_spindles(state, instance)
    return tuple(
        replace(
            disk,
            params=_disk_parameters(table, layers, disk),
            owner=instance.name,
            index=index,
            exclusive=exclusive,
        )
        for index, disk in enumerate(instance.disks)
    )


def has_own_spindles(state: State, instance: Instance) -> bool:
    """Whether nothing else may be on the physical volumes that its disks are on."""
    if TEMPLATES[instance.disk_template].spindles != "own" or not instance.primary_node:
        return False
    return state.is_exclusive(state.get(Group, state.get(Node, instance.primary_node).group))


def disk_layers(state: State, instance: Instance) -> tuple[Mapping[str, Any], ...]:
    """What the cluster sets for the disks of an instance, and what the group of its node overrides."""
    template = str(instance.disk_template)
    group = group_of(state, instance)
    return (state.cluster.diskparams.get(template, {}), group.diskparams.get(template, {}) if group else {})


def _disk_parameters(table: type[Struct], layers: Iterable[Mapping[str, Any]], disk: Disk) -> dict[str, Any]:
    own = {name: value for name, value in disk.params.items() if name in table.__struct_encode_fields__}
    made = AT_CREATION.get(disk.template, frozenset())
    layers = [{name: value for name, value in layer.items() if name not in made} for layer in layers]
    # Parameters that are not in the table belong to a provider of external storage.
    return disk.params | as_mapping(filled(table, *layers, own, what="Disk parameters"))


def backend_parameters(state: State, instance: Instance, *layers: Mapping[str, Any]) -> BackendParameters:
    """The cluster's, overridden by the instance's, then by ``layers``. Raises WrongInput."""
    return filled(BackendParameters, state.cluster.beparams, instance.beparams, *layers, what="Backend parameters")


def ensure_backend_sense(state: State, instance: Instance, *layers: Mapping[str, Any]) -> None:
    """Raise WrongInput if its backend parameters, with those that it inherits, don't go together."""
    what = f"Backend parameters of {instance.name}"
    checked(BackendParameters, state.cluster.beparams, instance.beparams, *layers, what=what)


def ensure_hypervisor_sense(state: State, instance: Instance, *layers: Mapping[str, Any]) -> None:
    """Raise WrongInput if the parameters of its hypervisor don't go together."""
    merged = hypervisor_parameters(state, instance.hypervisor, instance.os, instance.hvparams, *layers)
    checked(HYPERVISOR_PARAMETERS[instance.hypervisor], merged, what=f"Hypervisor parameters of {instance.name}")


def hypervisor_parameters(state: State, hypervisor: str, os: str, *layers: Mapping[str, Any]) -> dict[str, Any]:
    """All parameters of a guest: the cluster's, the OS's, then ``layers``. Raises WrongInput."""
    if hypervisor not in HYPERVISOR_PARAMETERS:
        known = ", ".join(HYPERVISOR_PARAMETERS)
        raise WrongInput(f"Parameter 'hypervisor': '{hypervisor}' is not supported; choose from {known}")
    cluster = state.cluster
    by_os = [cluster.os_hvp.get(name, {}).get(hypervisor, {}) for name in _os_and_variant(os)]
    base = cluster.hvparams.get(hypervisor, {})
    what = f"Parameters of hypervisor {hypervisor}"
    return as_mapping(filled(HYPERVISOR_PARAMETERS[hypervisor], base, *by_os, *layers, what=what))


def os_parameters(state: State, instance: Instance) -> dict[str, str]:
    """The OS parameters of an instance, private ones among them."""
    merged: dict[str, str] = {}
    for public, private in _os_layers(state, instance):
        merged |= public | private
    return merged


def public_os_parameters(state: State, instance: Instance) -> dict[str, str]:
    """The OS parameters that may be shown: those that neither the instance nor the cluster declares private."""
    merged: dict[str, str] = {}
    for public, private in _os_layers(state, instance):
        merged = {name: value for name, value in (merged | public).items() if name not in private}
    return merged


def _os_layers(state: State, instance: Instance) -> list[tuple[dict[str, str], dict[str, str]]]:
    """(public, private) ones, the weakest first."""
    cluster = state.cluster
    names = _os_and_variant(instance.os)
    inherited = [(cluster.osparams.get(name, {}), cluster.osparams_private.get(name, {})) for name in names]
    return [*inherited, (instance.osparams, instance.osparams_private)]


def group_of(state: State, instance: Instance) -> Group | None:
    """The node group that an instance is in; None for one that is being placed."""
    return state.get(Group, state.get(Node, instance.primary_node).group) if instance.primary_node else None


def guest_nics(state: State, instance: Instance) -> tuple[GuestNic, ...]:
    group = group_of(state, instance)
    return tuple(guest_nic(state, nic, group) for nic in instance.nics)


def guest_nic(state: State, nic: Nic, group: Group | None) -> GuestNic:
    """A network card of an instance, as connected in a node group."""
    network = state.get(Network, nic.network) if nic.network else None
    parameters = _nic_parameters(state, nic, group)
    return GuestNic(
        uuid=nic.uuid,
        mac=nic.mac,
        mode=parameters.mode,
        link=parameters.link,
        vlan=parameters.vlan,
        ip=nic.ip,
        name=nic.name,
        network=facts_of(network) if network else None,
    )


def _nic_parameters(state: State, nic: Nic, group: Group | None) -> NicParameters:
    if nic.network is None:
        return filled(NicParameters, state.cluster.nicparams, nic.nicparams, what="NIC parameters")
    connection = group.networks.get(nic.network) if group else None
    return filled(NicParameters, connection or {"link": ""}, what="NIC parameters")


def _os_and_variant(os: str) -> tuple[str, ...]:
    """``debian+bookworm`` inherits what is set for ``debian``."""
    base = os.partition("+")[0]
    return (base, os) if base != os else (os,)
