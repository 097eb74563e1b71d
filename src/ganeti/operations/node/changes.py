# SPDX-License-Identifier: BSD-2-Clause
"""Changes of a node's settings, as ``gnt-node add`` and ``modify`` make them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ganeti.declare.problems import Problems
from ganeti.declare.setting import with_given
from ganeti.declare.text import RESET
from ganeti.errors import WrongInput
from ganeti.model.group import Group
from ganeti.model.node import Node
from ganeti.model.parameters import checked, overrides
from ganeti.model.parameters.node import NodeParameters
from ganeti.model.state import State


def changed(node: Node, given: Mapping[str, Any]) -> Node:
    """The node with the settings of ``given``, and without the roles that these exclude.

    Raises WrongInput with everything that is wrong.
    """
    problems = Problems()
    result = with_given(node, {**_ended(given), **given}, _MERGED, problems)
    problems.tell()
    return result


def _ended(given: Mapping[str, Any]) -> dict[str, bool]:
    """The roles that a node loses with these settings."""
    offline, drained, candidate = (given.get(role) for role in ("offline", "drained", "master_candidate"))
    ended = {
        "master_candidate": offline or drained or given.get("master_capable") is False,
        "drained": offline or candidate,
        "offline": drained or candidate,
    }
    return {role: False for role, over in ended.items() if over}


def _parameters(node: Node, given: Mapping[str, Any]) -> dict[str, Any]:
    if given.get("exclusive_storage", RESET) != RESET:
        raise WrongInput(
            "Parameter 'ndparams': exclusive_storage is the same for all nodes of a group; set it for the group "
            "('gnt-group modify --node-parameters') or the cluster"
        )
    return overrides(NodeParameters, given, node.ndparams, "Parameter 'ndparams'")


def ensure_parameters_fit(state: State, node: Node) -> None:
    """Raise WrongInput if the parameters that result for a node do not go together."""
    group = state.get(Group, node.group)
    layers = (state.cluster.ndparams, group.ndparams, node.ndparams)
    checked(NodeParameters, *layers, what="Parameter 'ndparams'")


# How settings are derived that are not just replaced by the given value.
_MERGED: Mapping[str, Callable[[Node, Any], Any]] = {
    "ndparams": _parameters,
    "hv_state": lambda node, given: {**node.hv_state, **given},
    "disk_state": lambda node, given: {**node.disk_state, **given},
}
