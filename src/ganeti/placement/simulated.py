# SPDX-License-Identifier: BSD-2-Clause
"""Empty clusters made from a description (htools(1), ``--simulate``)."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ganeti.errors import WrongInput
from ganeti.placement.quantity import mebibytes
from ganeti.placement.snapshot import AllocPolicy, Group, Node, Snapshot

_POLICIES = {policy[0]: policy for policy in AllocPolicy} | {str(policy): policy for policy in AllocPolicy}
_PARTS = ("allocation policy", "node count", "disk size", "memory size", "number of CPUs", "spindles")
_EXCLUSIVE = "exclusive storage"
_USUAL = ("1", "False")  # of spindles and exclusive storage
_TRUTHS = {"True": True, "False": False}


def simulated(descriptions: Iterable[str]) -> Snapshot:
    """A cluster with a group for each description, the last of them first. Raises WrongInput."""
    groups: list[Group] = []
    nodes: list[Node] = []
    for number, description in enumerate(reversed(list(descriptions)), 1):
        policy, count, node = _described(description, number)
        groups.append(Group(name=f"group-{number:02}", uuid=f"fake-uuid-{number:02}", alloc_policy=policy))
        nodes += (_numbered(node, number, index, master=not nodes and index == 1) for index in range(1, count + 1))
    return Snapshot(groups=tuple(groups), nodes=tuple(nodes), instances=())


def _described(description: str, number: int) -> tuple[AllocPolicy, int, Node]:
    parts = description.split(",")
    if not len(_PARTS) - 1 <= len(parts) <= len(_PARTS) + 1:
        raise WrongInput(
            f"Invalid cluster specification, expected {len(_PARTS)} comma-separated sections ({', '.join(_PARTS)}), "
            f"or one less, or {_EXCLUSIVE} too, but got {len(parts)}: '{description}'"
        )
    policy, count, disk, memory, cpus, spindles, exclusive = (*parts, *_USUAL[len(parts) - len(_PARTS) + 1 :])
    if policy not in _POLICIES:
        raise WrongInput(
            f"Invalid cluster specification: allocation policy '{policy}'; it can be {', '.join(_POLICIES)}"
        )
    if exclusive not in _TRUTHS:
        raise WrongInput(f"Invalid cluster specification: {_EXCLUSIVE} '{exclusive}'; it can be {', '.join(_TRUTHS)}")
    size, room = mebibytes(memory, _PARTS[3]), mebibytes(disk, _PARTS[2])
    node = Node(
        name="",
        group=number - 1,
        total_memory=size,
        free_memory=size,
        total_disk=room,
        free_disk=room,
        cpus=_whole(cpus, _PARTS[4]),
        spindles=_whole(spindles, _PARTS[5]),
        exclusive_storage=_TRUTHS[exclusive],
    )
    return _POLICIES[policy], _whole(count, _PARTS[1]), node


def _numbered(node: Node, group: int, number: int, *, master: bool) -> Node:
    return msgspec.structs.replace(node, name=f"node-{group:02}-{number:03}", master=master)


def _whole(text: str, what: str) -> int:
    if not text.isascii() or not text.isdecimal():
        raise WrongInput(f"Invalid cluster specification: {what} '{text}' is not a whole number")
    return int(text)
