# SPDX-License-Identifier: BSD-2-Clause
"""From what an instance is asked to be to the instance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ganeti.errors import WrongInput, WrongState
from ganeti.jobs.context import CheckContext
from ganeti.model.cluster import Cluster
from ganeti.model.disk import Disk, DiskTemplate
from ganeti.model.guest import ensure_backend_sense, ensure_hypervisor_sense
from ganeti.model.instance import Instance
from ganeti.model.parameters import overrides
from ganeti.model.parameters.backend import BackendParameters, spelled_out
from ganeti.model.parameters.hypervisor import CLUSTER_WIDE, HYPERVISOR_PARAMETERS
from ganeti.operations.instance.disks import (
    DiskRequest,
    ensure_wanted,
    file_directory,
    parse_template,
    planned_disks,
)
from ganeti.operations.instance.nics import NicRequest, ensure_addresses_free, planned_nics

_CONSOLE_PORTS = range(11000, 15000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Blueprint:
    """An instance as it is asked for, with the names that OP_INSTANCE_CREATE has for its parameters.

    What is not given is the cluster's default, or chosen where the instance is drawn.
    """

    name: str
    disk_template: str | None
    disks: Sequence[DiskRequest]
    nics: Sequence[NicRequest]
    os: str = ""
    hypervisor: str | None = None
    hvparams: Mapping[str, Any]
    beparams: Mapping[str, Any]
    osparams: Mapping[str, Any]
    osparams_private: Mapping[str, Any]
    file_driver: str | None = None
    file_storage_dir: str | None = None
    tags: Sequence[str] = ()

    def drawn(self, cluster: CheckContext) -> Instance:
        """The instance, without a node. Nothing of it is taken yet by anybody else; the caller reserves it.

        Raises WrongInput, WrongState or NotUnique, naming the parameter.
        """
        hypervisor = _hypervisor(cluster.state.cluster, self.hypervisor)
        template = parse_template(cluster.state.cluster, self.disk_template)
        instance = Instance(
            uuid=cluster.random.uuid(),
            name=self.name,
            primary_node="",
            hypervisor=hypervisor,
            disk_template=template,
            os=self.os,
            hvparams=_hypervisor_overrides(hypervisor, self.hvparams),
            beparams=overrides(BackendParameters, spelled_out(self.beparams), {}, "Parameter 'beparams'"),
            osparams=_texts(self.osparams),
            osparams_private=_texts(self.osparams_private),
            disks=self._disks(cluster, template),
            nics=planned_nics(cluster.state, cluster.reservations.macs, self.nics, cluster.random),
            network_port=_free_port(cluster),
            tags=frozenset(self.tags),
        )
        others = (*cluster.state.instances, *cluster.reservations.instances)
        ensure_addresses_free(cluster.state, others, instance.nics)
        ensure_backend_sense(cluster.state, instance)
        ensure_hypervisor_sense(cluster.state, instance)
        return instance

    def _disks(self, cluster: CheckContext, template: DiskTemplate) -> tuple[Disk, ...]:
        ensure_wanted(self.disks, template)
        directory = file_directory(cluster.state.cluster, template, self.file_storage_dir, self.name)
        return planned_disks(self.disks, template, directory, self.file_driver, cluster.random.uuid)


def _hypervisor(cluster: Cluster, wanted: str | None) -> str:
    hypervisor = wanted or cluster.default_hypervisor
    if hypervisor not in cluster.enabled_hypervisors:
        raise WrongState(
            f"Parameter 'hypervisor': '{hypervisor}' is not enabled in this cluster; "
            f"enabled are {', '.join(cluster.enabled_hypervisors)}"
        )
    return hypervisor


def _hypervisor_overrides(hypervisor: str, given: Mapping[str, Any]) -> dict[str, Any]:
    wide = sorted(CLUSTER_WIDE & given.keys())
    if wide:
        raise WrongInput(f"Parameter '{wide[0]}' is set for the whole cluster only ('gnt-cluster modify -H')")
    return overrides(HYPERVISOR_PARAMETERS[hypervisor], given, {}, "Parameter 'hvparams'")


def _free_port(cluster: CheckContext) -> int | None:
    """For its console; None if all are taken."""
    taken = cluster.reservations.ports
    return next((port for port in _CONSOLE_PORTS if port not in cluster.state.ports and port not in taken), None)


def _texts(given: Mapping[str, Any]) -> dict[str, str]:
    """OS parameters are texts, whatever they look like."""
    return {key: str(value) for key, value in given.items()}
