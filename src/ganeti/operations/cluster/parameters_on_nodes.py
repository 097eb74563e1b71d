# SPDX-License-Identifier: BSD-2-Clause
"""Hypervisor parameters of the cluster that only nodes can judge: whether their QEMU has a machine or a processor."""

from __future__ import annotations

from ganeti.errors import GanetiError, WrongInput
from ganeti.jobs.context import CheckContext
from ganeti.model.cluster import Cluster
from ganeti.model.guest import hypervisor_parameters
from ganeti.model.state import State
from ganeti.rpc.contract.verify import TryHypervisors


async def ensure_nodes_can(cluster: CheckContext, new: Cluster) -> None:
    """Raise WrongInput if a node says that no guest could run with what is changed.

    What was wrong before it is no reason to refuse it; nodes that don't answer are named in the job's log.
    """
    old, changed = _calls(cluster.state, new)
    if not changed.parameters:
        return
    nodes = cluster.state.hosting_nodes
    before, after = await cluster.call_all(nodes, old), await cluster.call_all(nodes, changed)
    found = []
    for name, answer in after.items():
        earlier = before[name]
        if isinstance(answer, GanetiError) or isinstance(earlier, GanetiError):
            cluster.note(f"{name} does not answer, so whether guests can run there with this is not known")
            continue
        found += [f"On node {name}: {problem}" for problem in answer if problem not in earlier]
    if found:
        raise WrongInput("\n".join([*found, "--force sets it anyway"]))


def _calls(state: State, new: Cluster) -> tuple[TryHypervisors, TryHypervisors]:
    """The hypervisors whose parameters differ, with the old ones and with the new."""
    after = state.changed([new])
    names = [name for name in new.enabled_hypervisors if new.hvparams.get(name) != state.cluster.hvparams.get(name)]
    return (
        TryHypervisors(parameters={name: hypervisor_parameters(state, name, "") for name in names}),
        TryHypervisors(parameters={name: hypervisor_parameters(after, name, "") for name in names}),
    )
