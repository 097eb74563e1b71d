# SPDX-License-Identifier: BSD-2-Clause
"""Names as shown by the htools: without their common domain."""

from __future__ import annotations

from ganeti.placement.snapshot import Snapshot


class Names:
    """``suffix``: the omitted domain, with its leading dot; empty if there is none in common."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        names = [node.name for node in snapshot.nodes] + [instance.name for instance in snapshot.instances]
        self.suffix = _common_domain(names)

    def short(self, name: str) -> str:
        return name.removesuffix(self.suffix) if self.suffix else name

    def node(self, name: str) -> int | None:
        """The index of the node that the user means."""
        index = self._snapshot.node_index
        return index.get(name, index.get(name + self.suffix))

    def instance(self, name: str) -> int | None:
        index = self._snapshot.instance_index
        return index.get(name, index.get(name + self.suffix))


def _common_domain(names: list[str]) -> str:
    domains = [name.partition(".")[2].split(".") for name in names]
    shared: list[str] = []
    for labels in zip(*(reversed(domain) for domain in domains), strict=False):
        if len(set(labels)) > 1 or not labels[0]:
            break
        shared.insert(0, labels[0])
    return "." + ".".join(shared) if shared else ""
