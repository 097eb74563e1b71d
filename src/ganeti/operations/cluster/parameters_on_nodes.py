# SPDX-License-Identifier: BSD-2-Clause
"""Settings of the cluster that only nodes can check: whether they have the bridge, volume group or QEMU for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ganeti.errors import GanetiError, WrongInput
from ganeti.jobs.context import CheckContext
from ganeti.model.cluster import Cluster
from ganeti.model.cpu import with_group_model
from ganeti.model.disk import DiskTemplate
from ganeti.model.entity import Entity
from ganeti.model.group import Group
from ganeti.model.guest import hypervisor_parameters
from ganeti.model.node import Node
from ganeti.model.parameters import filled
from ganeti.model.parameters.network import NicParameters
from ganeti.model.state import State
from ganeti.model.template import TEMPLATES, StorageUnit
from ganeti.rpc.call import Call
from ganeti.rpc.contract.storage import CheckStorage
from ganeti.rpc.contract.verify import FindBridges, Problems, TryHypervisors, find_links


@dataclass(frozen=True, slots=True)
class _Trial:
    """What nodes are asked about the new settings, and about the present ones: existing problems do not count."""

    new: Call[Problems]
    present: Call[Problems]


async def ensure_nodes_can(cluster: CheckContext, new: Iterable[Entity]) -> None:
    """Raise WrongInput if a node says that no guest could run with the change.

    Existing problems are no reason to refuse it; nodes that don't answer are named in the job's log.
    """
    import asyncio  # noqa: PLC0415 - the command that only declares this is to start fast

    before, after = cluster.state, cluster.state.changed(new)
    asked = [(node, trials) for node in before.hosting_nodes if (trials := [*_trials(before, after, node)])]
    answers = await asyncio.gather(*(_problems(cluster, node, trials) for node, trials in asked))
    if found := [problem for problems in answers for problem in problems]:
        raise WrongInput("\n".join([*found, "--force sets it anyway"]))


async def _problems(cluster: CheckContext, node: Node, trials: list[_Trial]) -> list[str]:
    calls = [call for trial in trials for call in (trial.new, trial.present)]
    answers: list[Problems | GanetiError] = await cluster.ask(node, calls)
    found: dict[str, None] = {}
    for after, before in zip(answers[::2], answers[1::2], strict=True):
        if isinstance(after, GanetiError) or isinstance(before, GanetiError):
            cluster.note(f"{node.name} does not answer, so whether guests can run there with this is not known")
            break
        found |= dict.fromkeys(problem for problem in after if problem not in before)
    return [f"On node {node.name}: {problem}" for problem in found]


def _trials(before: State, after: State, node: Node) -> Iterator[_Trial]:
    for name in after.cluster.enabled_hypervisors:
        for os in ("", *after.cluster.os_hvp):
            new, present = _parameters(after, node, name, os), _parameters(before, node, name, os)
            if new != present:
                yield _Trial(TryHypervisors(parameters={name: new}), TryHypervisors(parameters={name: present}))
    if after.cluster.nicparams != before.cluster.nicparams:
        yield _Trial(_bridge(after.cluster), _bridge(before.cluster))
    units, present_units = _units(before, after, node), before.storage_of(node)
    if units != present_units:
        yield _Trial(CheckStorage(units=units), CheckStorage(units=present_units))


def _parameters(state: State, node: Node, hypervisor: str, os: str) -> dict[str, Any]:
    model = state.get(Group, node.group).cpu_model
    return with_group_model(hypervisor_parameters(state, hypervisor, os), model)


def _units(before: State, after: State, node: Node) -> tuple[StorageUnit, ...]:
    """Where disks are to be stored; also a volume group that is set before a template that uses it is enabled."""
    units, group = after.storage_of(node), after.cluster.vg_name
    if group in (None, before.cluster.vg_name) or any(TEMPLATES[unit.template].in_volume_group for unit in units):
        return units
    return (*units, StorageUnit(DiskTemplate.PLAIN, group))


def _bridge(cluster: Cluster) -> FindBridges:
    nic = filled(NicParameters, cluster.nicparams)
    return find_links([(nic.mode, nic.link, nic.vlan)]) or FindBridges()
