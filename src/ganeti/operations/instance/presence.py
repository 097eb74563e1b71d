# SPDX-License-Identifier: BSD-2-Clause
"""Makes sure that a guest runs nowhere before it is started."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ganeti.errors import GanetiError, WrongState
from ganeti.jobs.context import CheckContext
from ganeti.model.guest import may_shut_itself_down
from ganeti.model.guest_state import GuestState
from ganeti.model.instance import AdminState, Instance
from ganeti.model.node import Node
from ganeti.model.report import RunningGuest
from ganeti.model.state import State
from ganeti.rpc.contract.instance import DescribeGuest
from ganeti.rpc.contract.node import Ping

if TYPE_CHECKING:
    from ganeti.rpc.watch import LiveView  # imported by the daemon only


async def found_on(cluster: CheckContext, instance: Instance, nodes: Iterable[Node]) -> list[Node]:
    """The nodes on which the guest is.

    Known for nodes whose events the master follows; others that might have it are asked (see ``rpc/watch.py``).
    Raises WrongState if one of these does not answer and is not marked offline.
    """
    hosting = [node for node in nodes if node.hosting]
    silent = [node for node in hosting if not cluster.live.reachable(node.uuid, instance.hypervisor)]
    asked = [node for node in hosting if cluster.live.in_doubt(node.uuid, instance.uuid, instance.hypervisor)]
    answers = await cluster.call_all(asked, DescribeGuest(name=instance.name, hypervisor=instance.hypervisor))
    found = [node for node in hosting if instance.uuid in (cluster.live.guests_on(node.uuid) or {})]
    for node in asked:
        answer = answers[node.name]
        if isinstance(answer, GanetiError):
            raise WrongState(
                f"Node {node.name} does not answer, so it might be running {instance.name} ({answer.message}); "
                f"if the node is down, mark it offline with 'gnt-node modify -O yes {node.name}'"
            )
        if _is_there(answer) and node not in found:
            found.append(node)
    if left_out := [node.name for node in silent if node not in asked]:
        cluster.note(f"{', '.join(left_out)} cannot be reached, and did not have {instance.name} when last seen")
    return found


async def is_on(cluster: CheckContext, instance: Instance, node: Node) -> bool:
    """Whether the guest is on a node, which is asked, in a state in which it could access its disks."""
    return _is_there(await cluster.call(node, DescribeGuest(name=instance.name, hypervisor=instance.hypervisor)))


async def ensure_nowhere(cluster: CheckContext, instance: Instance, *, but: Iterable[Node] = ()) -> None:
    """Raise WrongState if the guest runs, or might run, on any node besides ``but``."""
    excepted = {node.uuid for node in but}
    others = [node for node in cluster.state.nodes if node.uuid not in excepted]
    found = await found_on(cluster, instance, others)
    if found:
        raise WrongState(
            f"Instance {instance.name} is running on {', '.join(node.name for node in found)}; "
            "it must not be started a second time"
        )


async def ensure_stopped(cluster: CheckContext, instance: Instance) -> None:
    """Raise WrongState if the guest runs on any node, or should run."""
    if found := await found_on(cluster, instance, cluster.state.nodes):
        raise WrongState(f"Instance {instance.name} is running on {found[0].name}; stop it first")
    if instance.admin_state is AdminState.UP:
        raise WrongState(
            f"Instance {instance.name} should be running, and could be started any time; "
            f"'gnt-instance shutdown {instance.name}' records that it should be down"
        )


def shut_itself_down(state: State, live: LiveView, instance: Instance) -> bool:
    """Whether its guest was shut down from inside, and may be."""
    ended = live.ended_on(instance.primary_node).get(instance.uuid)
    return bool(ended and ended.state is GuestState.USER_DOWN and may_shut_itself_down(state, instance))


def ensure_marked_up(instance: Instance) -> None:
    """Raise WrongState for an instance that the watcher must now leave alone."""
    if instance.admin_state is not AdminState.UP:
        raise WrongState(f"Instance {instance.name} is marked {instance.admin_state} by now, so the watcher leaves it")


def ensure_lost(cluster: CheckContext, instance: Instance) -> None:
    """Raise WrongState unless the guest of an instance should run and has ended unintentionally."""
    ensure_marked_up(instance)
    guests = cluster.live.guests_on(instance.primary_node) or {}
    if event := guests.get(instance.uuid):
        told = event.state.because(event.reason)
        raise WrongState(f"The guest of {instance.name} is {told} by now, so the watcher leaves it")
    if shut_itself_down(cluster.state, cluster.live, instance):
        raise WrongState(f"The guest of {instance.name} has shut itself down, so the watcher leaves it")


def ensure_no_namesake(cluster: CheckContext, name: str) -> None:
    """Raise WrongState if a guest of this name is seen on a node, left over from an instance that is gone."""
    if found := [node.name for node in cluster.state.hosting_nodes if name in cluster.live.names_on(node.uuid)]:
        raise WrongState(
            f"A guest named {name} is running on {', '.join(found)}, though the cluster has no such instance; "
            "stop it there first"
        )


def _is_there(guest: RunningGuest | None) -> bool:
    return guest is not None and not guest.state.ended


async def ensure_answers(cluster: CheckContext, node: Node, name: str) -> None:
    """Raise WrongState, with what to do, if a node does not answer: its instance might still run there."""
    try:
        await cluster.call(node, Ping())
    except GanetiError as error:
        raise WrongState(
            f"Node {node.name} does not answer ({error.message}), so {name} might still run there. "
            f"If the node is down, mark it offline with 'gnt-node modify -O yes {node.name}', then try again"
        ) from None
