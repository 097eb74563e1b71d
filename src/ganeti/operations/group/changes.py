# SPDX-License-Identifier: BSD-2-Clause
"""Changes of a node group's settings, as ``gnt-group add`` and ``modify`` make them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import msgspec

from ganeti.declare.problems import Problems
from ganeti.declare.setting import with_given
from ganeti.declare.text import RESET
from ganeti.errors import WrongInput
from ganeti.model.group import Group
from ganeti.model.parameters import checked, overrides
from ganeti.model.parameters.node import NodeParameters
from ganeti.model.state import State
from ganeti.operations.cluster.changes import policy, with_disk_parameters
from ganeti.operations.group.subject import members
from ganeti.operations.instance.policy import violations


def changed(state: State, group: Group, given: Mapping[str, Any]) -> Group:
    """The group with the settings of ``given``. Raises WrongInput with everything that is wrong."""
    problems = Problems()
    merged = {name: partial(merge, state) for name, merge in _MERGED.items()}
    result = with_given(group, given, merged, problems)
    problems.tell()
    return result


def newly_forbidden(before: State, after: State, group: Group) -> list[str]:
    """The instances of a group that its policy forbids after a change, and allowed before."""
    instances = [i for node in members(after, group) for i in after.instances if i.primary_node == node.uuid]
    former = before.get(Group, group.uuid)
    return [i.name for i in instances if violations(after, i, group) and not violations(before, i, former)]


def _nodes(state: State, group: Group, given: Mapping[str, Any]) -> dict[str, Any]:
    what = "Parameter 'ndparams'"
    result = overrides(NodeParameters, given, group.ndparams, what)
    checked(NodeParameters, state.cluster.ndparams, result, what=what)
    return result


def _disks(state: State, group: Group, given: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    return with_disk_parameters(given, group.diskparams, state.cluster.diskparams)


def _policy(state: State, group: Group, given: Mapping[str, Any]) -> dict[str, Any]:
    """Its parts of the policy; "default" resets one to the cluster's."""
    if "std" in given:
        raise WrongInput("Parameter 'ipolicy': standard sizes (std) are the cluster's alone; a node group has none")
    kept = {name: value for name, value in group.ipolicy.items() if name not in given}
    wanted = {name: value for name, value in given.items() if value not in (RESET, [RESET])}
    # The standard instance is the cluster's, and need not fit every group.
    result = policy(state.policy_of(group), wanted, standard=False)
    parts: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(result))
    return kept | {name: parts[name] for name in wanted}


# How settings are derived that are not just replaced by the given value.
_MERGED: Mapping[str, Callable[[State, Group, Any], Any]] = {
    "ndparams": _nodes,
    "diskparams": _disks,
    "ipolicy": _policy,
}
