# SPDX-License-Identifier: BSD-2-Clause
"""What the primary nodes of instances tell of their guests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar

from ganeti.errors import GanetiError
from ganeti.jobs.context import CheckContext
from ganeti.model.instance import Instance
from ganeti.rpc.call import Call


class _Told(Protocol):
    @property
    def uuid(self) -> str: ...


T = TypeVar("T", bound=_Told)


async def told_by_primaries(
    cluster: CheckContext, instances: Iterable[Instance], call: Callable[[Sequence[Instance]], Call[tuple[T, ...]]]
) -> dict[str, T]:
    """By UUID, what each primary node answers for those of the instances that it has, all nodes at once.

    ``call``: makes the call for one node. A node that does not answer is left out.
    """
    of_nodes: defaultdict[str, list[Instance]] = defaultdict(list)
    for instance in instances:
        of_nodes[instance.primary_node].append(instance)
    calls = [(node, call(of_nodes[node.uuid])) for node in cluster.state.hosting_nodes if node.uuid in of_nodes]
    answers = await cluster.call_each(calls)
    return {one.uuid: one for answer in answers.values() if not isinstance(answer, GanetiError) for one in answer}


async def told_of_running(
    cluster: CheckContext, instances: Iterable[Instance], call: Callable[..., Call[tuple[T, ...]]]
) -> dict[str, T]:
    """As ``told_by_primaries``, of those that run where they should.

    ``call``: one that takes the kinds of ``hypervisors``, and the ``names`` of guests.
    """
    hypervisors = cluster.state.cluster.enabled_hypervisors
    return await told_by_primaries(
        cluster,
        (one for one in instances if one.uuid in (cluster.live.guests_on(one.primary_node) or {})),
        lambda some: call(hypervisors=hypervisors, names=tuple(one.name for one in some)),
    )
