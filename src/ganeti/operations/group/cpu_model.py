# SPDX-License-Identifier: BSD-2-Clause
"""The CPU model of a node group: finding it, and which nodes lack it (decision 53)."""

from __future__ import annotations

from collections.abc import Iterable

from ganeti.declare.problems import Problems
from ganeti.declare.text import RESET
from ganeti.errors import GanetiError, WrongInput, WrongState
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.model.cpu import GROUP_MODEL, CpuModels, most_shared
from ganeti.model.entity import evolve
from ganeti.model.group import Group
from ganeti.model.guest import hypervisor_parameters
from ganeti.model.node import Node
from ganeti.model.state import State
from ganeti.rpc.contract.node import TellCpuModels

AUTO = "auto"
KVM = "kvm"
_ELSEWHERE_DIFFERENT = ("host", "max", "base", GROUP_MODEL)


def question(state: State) -> TellCpuModels | None:
    """What nodes are asked; None if the cluster has no guests with a CPU model."""
    if KVM not in state.cluster.enabled_hypervisors:
        return None
    return TellCpuModels(hypervisor=KVM, parameters=hypervisor_parameters(state, KVM, ""))


async def with_found_models(cluster: CheckContext, after: State) -> list[Group]:
    """The groups that have nodes and no model yet, with the model that they share."""
    hosting = {node.group for node in after.hosting_nodes}
    groups, problems = [], Problems()
    for group in (one for one in after.groups if one.uuid in hosting and not one.cpu_model):
        with problems.noted():
            groups.append(await with_model(cluster, after, evolve(group, cpu_model=AUTO)))
    problems.tell()
    return groups


async def with_model(cluster: CheckContext, after: State, group: Group) -> Group:
    """A group for whose ``cpu_model`` "auto", "default" or a name was given, with the model that it is to have.

    Raises WrongInput or WrongState if that is none, or a node of it lacks it.
    """
    if group.cpu_model in ("", RESET):
        return evolve(group, cpu_model="")
    if group.cpu_model in _ELSEWHERE_DIFFERENT:
        raise WrongInput(
            f"Parameter 'cpu_model': '{group.cpu_model}' is no model that all nodes of a group could share"
        )
    nodes = [node for node in after.hosting_nodes if node.group == group.uuid]
    found = await _models(cluster, after, group, nodes)
    if group.cpu_model == AUTO:
        try:
            return evolve(group, cpu_model=most_shared(found))
        except WrongState as error:
            raise WrongState(f"Node group {group.name}: {error.message}") from None
    if lacking := [f"{name}: {why}" for name, one in found.items() if (why := one.problem(group.cpu_model))]:
        raise WrongInput("\n".join(f"Parameter 'cpu_model': on {told}" for told in lacking))
    return group


async def warn_of_weaker(cluster: RunContext, nodes: Iterable[Node]) -> None:
    """Warn of nodes that have come into a group and lack its model."""
    state = cluster.state
    for node in nodes:
        group, call = state.get(Group, node.group), question(state)
        if not (group.cpu_model and call and node.hosting):
            continue
        try:
            why = (await cluster.call(node, call)).problem(group.cpu_model)
        except GanetiError as error:
            why = f"its CPU models are not known: {error.message}"
        if why:
            cluster.warn(
                f"Node {node.name} cannot take the guests of node group {group.name} whose cpu_type is "
                f"'{GROUP_MODEL}': {why}; 'gnt-group modify --cpu-model={AUTO} {group.name}' takes what all share, "
                "for guests that are started from then on"
            )


async def _models(cluster: CheckContext, after: State, group: Group, nodes: list[Node]) -> dict[str, CpuModels]:
    """By the name of the node. Raises WrongState with all that could not be asked."""
    import asyncio  # noqa: PLC0415 - the command that only declares this is to start fast

    call = question(after)
    if call is None:
        raise WrongInput(f"Parameter 'cpu_model': hypervisor '{KVM}' is not enabled, no other has CPU models")
    if not nodes:
        raise WrongState(f"Node group {group.name} has no node that could be asked for its CPU models")
    answers = await asyncio.gather(*(cluster.call(node, call) for node in nodes), return_exceptions=True)
    found, problems = {}, Problems()
    for node, answer in zip(nodes, answers, strict=True):
        with problems.noted():
            found[node.name] = _known(node, answer)
    problems.tell()
    return found


def _known(node: Node, answer: CpuModels | BaseException) -> CpuModels:
    if isinstance(answer, GanetiError):
        raise WrongState(
            f"The CPU models of node {node.name} are not known ({answer.message}); nodes that are marked offline are "
            "not asked"
        ) from None
    if isinstance(answer, BaseException):
        raise answer
    return answer
