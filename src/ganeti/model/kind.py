# SPDX-License-Identifier: BSD-2-Clause
"""The kinds of objects, and what each is called where: one row per kind."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from ganeti.errors import WrongInput


class Kind(StrEnum):
    """The value is the name in the store and in queries.

    ``noun`` is for people, ``label`` for tags and locks, ``path`` that of the collection in the remote API;
    there is one cluster only, so it has no collection. What has neither tags nor locks has no label.
    """

    noun: str
    label: str
    path: str

    CLUSTER = "cluster", "cluster", "cluster", ""
    NETWORK = "network", "network", "network", "networks"
    GROUP = "group", "node group", "nodegroup", "groups"
    NODE = "node", "node", "node", "nodes"
    INSTANCE = "instance", "instance", "instance", "instances"
    FILTER = "filter", "filter", "", "filters"

    def __new__(cls, value: str, noun: str, label: str, path: str) -> Self:
        kind = str.__new__(cls, value)
        kind._value_ = value
        kind.noun, kind.label, kind.path = noun, label, path
        return kind

    @property
    def articled(self) -> str:
        """``an instance``, ``the cluster``."""
        if not self.path:
            return f"the {self.noun}"
        return f"{'an' if self.noun[0] in 'aeiou' else 'a'} {self.noun}"


TAGGED = tuple(kind for kind in Kind if kind.label)


def labelled(label: str) -> Kind:
    """The kind that has this label. Raises WrongInput."""
    for kind in TAGGED:
        if kind.label == label:
            return kind
    raise WrongInput(f"There is no kind of object '{label}'; choose from {', '.join(kind.label for kind in TAGGED)}")
