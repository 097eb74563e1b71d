# SPDX-License-Identifier: BSD-2-Clause
"""Agents of simulated guests."""

from ganeti.node.hypervisor.fake import PaperAgent


def agent_of(cluster, name, **more):
    """The same one on whatever node it runs."""
    agent = PaperAgent(**more)
    for node in cluster.nodes.values():
        node.hypervisor().agents[name] = agent
    return agent
