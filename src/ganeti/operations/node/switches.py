# SPDX-License-Identifier: BSD-2-Clause
"""The Open vSwitch that the parameters of a node say it has (``ovs``, ``ovs_name``, ``ovs_link``)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ganeti.errors import ExecutionFailed, GanetiError, NodeUnreachable
from ganeti.jobs.context import RunContext
from ganeti.model.node import Node
from ganeti.model.state import State
from ganeti.rpc.contract.node import SetUpSwitch


async def set_up_switches(cluster: RunContext, after: State, nodes: Iterable[Node]) -> None:
    """Have nodes make the switches that they are to have, before that is recorded.

    Those that do not answer are named in the job's log. Raises ExecutionFailed with what is in the way on the others.
    """
    calls = [(node, call) for node in nodes if node.hosting and (call := _wanted(after, node))]
    answers = await cluster.call_each(calls)
    problems = []
    for node, _ in calls:
        answer = answers[node.name]
        if isinstance(answer, NodeUnreachable):
            cluster.warn(
                f"Node {node.name} does not answer, so its switch is not set up; when it does, "
                f"'gnt-node modify --node-parameters ovs=yes {node.name}' sets it up"
            )
        elif isinstance(answer, GanetiError):
            problems.append(f"On node {node.name}: {answer.message}")
    if problems:
        raise ExecutionFailed("\n".join(problems))


def with_other_switches(before: State, after: State) -> Iterator[Node]:
    """The nodes that are to have another one."""
    return (node for node in after.nodes if _wanted(after, node) != _wanted(before, before.get(Node, node.uuid)))


def _wanted(state: State, node: Node) -> SetUpSwitch | None:
    parameters = state.node_parameters(node)
    return SetUpSwitch(parameters.ovs_name or "", parameters.ovs_link or "") if parameters.ovs else None
