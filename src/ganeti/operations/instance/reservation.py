# SPDX-License-Identifier: BSD-2-Clause
"""Instances that are forthcoming: what they will have is reserved, and they are on no node yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from ganeti.declare.problems import Problems
from ganeti.errors import WrongInput, WrongState
from ganeti.jobs.context import CheckContext
from ganeti.model.entity import evolve
from ganeti.model.guest import backend_parameters
from ganeti.model.instance import Instance
from ganeti.model.network import Network
from ganeti.model.node import Node
from ganeti.model.state import State
from ganeti.model.template import renamed
from ganeti.operations.instance.blueprint import Blueprint
from ganeti.operations.instance.disks import parse_template
from ganeti.operations.instance.nic_changes import NicChange, NicValues, with_changed_nics
from ganeti.operations.instance.nics import POOL, NicRequest
from ganeti.operations.instance.parameter_changes import ParameterChanges


def ensure_forthcoming(instance: Instance) -> None:
    """Raise WrongState for one that exists."""
    if not instance.forthcoming:
        raise WrongState(f"Parameter 'commit': instance {instance.name} is not forthcoming, it exists already")


def reserved_memory(state: State, node: Node, uuid: str) -> int:
    """MiB of a node that other instances than that of a UUID need once they exist."""
    return sum(
        backend_parameters(state, other).maxmem
        for other in state.instances_on(node.uuid)
        if other.forthcoming and other.primary_node == node.uuid and other.uuid != uuid
    )


def made_real(cluster: CheckContext, reserved: Instance, wish: Blueprint, problems: Problems) -> Instance:
    """The instance as it was reserved, but for what is said of it now; what is wrong is noted, naming the parameter.

    Disks that are given take the place of all that were reserved; network cards that are given too, each keeping of
    the one with its number what is not said of it.
    """
    state = cluster.state
    disks = tuple(renamed(disk, reserved.name, wish.name) for disk in reserved.disks)
    instance = evolve(
        reserved, name=wish.name, forthcoming=False, tags=reserved.tags | frozenset(wish.tags), disks=disks
    )
    with problems.noted():
        if wish.hypervisor not in (None, instance.hypervisor):
            instance = evolve(instance, hypervisor=wish.enabled_hypervisor(state.cluster), hvparams={})
        instance = _parameters(wish).applied(state, instance)
    with problems.noted():
        if any(card.given for card in wish.nics):
            changes = [*_changes(state, instance, wish.nics)]
            instance = with_changed_nics(cluster, instance, changes, conflicts_check=wish.conflicts_check)
    return problems.attempt(partial(_with_disks, cluster, instance, wish), instance)


def _parameters(wish: Blueprint) -> ParameterChanges:
    return ParameterChanges(
        hvparams=wish.hvparams,
        beparams=wish.beparams,
        os=wish.os or None,
        osparams=wish.osparams,
        osparams_private=wish.osparams_private,
    )


def _changes(state: State, instance: Instance, cards: Sequence[NicRequest]) -> Iterator[NicChange]:
    """What makes those that are given of those that were reserved."""
    for index, card in enumerate(cards):
        given = card.given
        if index < len(instance.nics):
            reserved = instance.nics[index]
            if card.ip == POOL and reserved.ip and reserved.network == _network(state, card):
                del given["ip"]  # it has one
            yield NicChange("modify", index, NicValues(**given))
        else:
            yield NicChange("add", -1, NicValues(**given))
    for _ in instance.nics[len(cards) :]:
        yield NicChange("remove", -1, NicValues())


def _network(state: State, card: NicRequest) -> str | None:
    """Its UUID. Raises UnknownEntity."""
    return state.find(Network, card.network).uuid if card.network else None


def _with_disks(cluster: CheckContext, instance: Instance, wish: Blueprint) -> Instance:
    """Raises WrongInput or WrongState."""
    if wish.disks or wish.disk_template not in (None, instance.disk_template):
        template = parse_template(cluster.state.cluster, wish.disk_template or instance.disk_template)
        return evolve(instance, disk_template=template, disks=wish.drawn_disks(cluster, template))
    for name in ("file_driver", "file_storage_dir"):
        if getattr(wish, name):
            raise WrongInput(
                f"Parameter '{name}': the disks of {instance.name} are reserved; give them too (--disk) to have others"
            )
    return instance
