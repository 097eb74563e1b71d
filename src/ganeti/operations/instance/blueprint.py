# SPDX-License-Identifier: BSD-2-Clause
"""Makes an instance from a request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from ganeti.declare.parameter import param
from ganeti.declare.problems import Problems
from ganeti.declare.types import Parameters
from ganeti.errors import WrongInput, WrongState
from ganeti.jobs.context import CheckContext
from ganeti.model.cluster import Cluster
from ganeti.model.disk import Disk, DiskTemplate
from ganeti.model.guest import ensure_backend_sense, ensure_hypervisor_sense
from ganeti.model.instance import Instance
from ganeti.model.os_parameters import os_texts
from ganeti.model.parameters import overrides
from ganeti.model.parameters.backend import BackendParameters, spelled_out
from ganeti.model.parameters.hypervisor import CLUSTER_WIDE, HYPERVISOR_PARAMETERS
from ganeti.operations.instance.disks import (
    DiskRequest,
    disk_place,
    ensure_wanted,
    parse_template,
    planned_disks,
)
from ganeti.operations.instance.mirroring import PORTS
from ganeti.operations.instance.nics import NicRequest, ensure_addresses_free, planned_nics

BackendOverrides = Annotated[
    Parameters,
    param("Backend parameters", "-B", "--backend-parameters", metavar="KEY=VALUE,...", completes="backend parameter"),
]

_NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Blueprint:
    """A requested instance, with the parameter names of OP_INSTANCE_CREATE.

    What is not given is the cluster's default, or is chosen by ``drawn``.
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
    conflicts_check: bool = True
    file_driver: str | None = None
    file_storage_dir: str | None = None
    tags: Sequence[str] = ()
    forthcoming: bool = False

    def drawn(self, cluster: CheckContext, problems: Problems) -> Instance:
        """The instance, without a node, as far as the request is valid; problems are noted, naming the parameter.

        What it uses is free; the caller reserves it.
        """
        state, attempt = cluster.state, problems.attempt
        hypervisor = attempt(lambda: self.enabled_hypervisor(state.cluster), "")
        template = attempt(lambda: parse_template(state.cluster, self.disk_template), None)
        nics = planned_nics(cluster, self.nics, problems, conflicts_check=self.conflicts_check)
        instance = Instance(
            uuid=cluster.random.uuid(),
            name=self.name,
            primary_node="",
            hypervisor=hypervisor or state.cluster.default_hypervisor,
            disk_template=template or DiskTemplate.DISKLESS,
            os=self.os,
            hvparams=attempt(lambda: hypervisor_overrides(hypervisor, self.hvparams), {}) if hypervisor else {},
            beparams=attempt(lambda: backend_overrides(self.beparams), {}),
            osparams=attempt(lambda: os_texts(self.osparams, "Parameter 'osparams'"), {}),
            osparams_private=attempt(lambda: os_texts(self.osparams_private, "Parameter 'osparams_private'"), {}),
            disks=attempt(lambda: self.drawn_disks(cluster, template), ()) if template else (),
            nics=nics,
            network_port=_free_port(cluster),
            tags=frozenset(self.tags),
            forthcoming=self.forthcoming,
        )
        if any(nic.ip for nic in nics):
            with problems.noted():
                others = (*state.instances, *cluster.reservations.instances)
                ensure_addresses_free(state, others, nics)
        for ensure_sense in (ensure_backend_sense, ensure_hypervisor_sense):
            with problems.noted():
                ensure_sense(state, instance)
        return instance

    def enabled_hypervisor(self, cluster: Cluster) -> str:
        """The one that is meant. Raises WrongState if it is not enabled."""
        hypervisor = self.hypervisor or cluster.default_hypervisor
        if hypervisor not in cluster.enabled_hypervisors:
            raise WrongState(
                f"Parameter 'hypervisor': '{hypervisor}' is not enabled in this cluster; "
                f"enabled are {', '.join(cluster.enabled_hypervisors)}"
            )
        return hypervisor

    def drawn_disks(self, cluster: CheckContext, template: DiskTemplate) -> tuple[Disk, ...]:
        """The disks, on no node. Raises WrongInput."""
        ensure_wanted(self.disks, template)
        place = disk_place(cluster.state.cluster, template, self.file_storage_dir, self.name)
        return planned_disks(self.disks, template, place, self.file_driver, cluster.random.uuid)


def foresee_overrides(given: Mapping[str, Any], problems: Problems) -> None:
    """Note what is wrong with the overrides in a request that is invalid for other reasons."""
    backend, own, hypervisor = given.get("beparams"), given.get("hvparams"), given.get("hypervisor")
    if isinstance(backend, Mapping):
        with problems.noted():
            backend_overrides(backend)
    if isinstance(own, Mapping) and isinstance(hypervisor, str) and hypervisor in HYPERVISOR_PARAMETERS:
        with problems.noted():
            hypervisor_overrides(hypervisor, own)


def backend_overrides(given: Mapping[str, Any], current: Mapping[str, Any] = _NOTHING) -> dict[str, Any]:
    """An instance's own backend parameters: ``current`` with the changes of ``given``. Raises WrongInput."""
    return overrides(BackendParameters, spelled_out(given), current, "Parameter 'beparams'")


def hypervisor_overrides(
    hypervisor: str, given: Mapping[str, Any], current: Mapping[str, Any] = _NOTHING
) -> dict[str, Any]:
    """An instance's own hypervisor parameters; those that are for the whole cluster are refused."""
    wide = sorted(CLUSTER_WIDE & given.keys())
    if wide:
        raise WrongInput(f"Parameter '{wide[0]}' is set for the whole cluster only ('gnt-cluster modify -H')")
    return overrides(HYPERVISOR_PARAMETERS[hypervisor], given, current, "Parameter 'hvparams'")


def _free_port(cluster: CheckContext) -> int | None:
    """For its console; None if all are taken."""
    used, reserved = cluster.state.ports, cluster.reservations.ports
    return next((port for port in PORTS if port not in used and port not in reserved), None)
