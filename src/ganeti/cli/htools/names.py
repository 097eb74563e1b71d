# SPDX-License-Identifier: BSD-2-Clause
"""Names as the htools show them: without the domain that all of them share."""

from __future__ import annotations

import os

from ganeti.placement.snapshot import Snapshot


class Names:
    """``suffix`` is what is left out, with its leading dot; empty if the names share no domain."""

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
    shared = os.path.commonprefix([name[::-1] for name in names])[::-1]
    if shared in names:
        shared = shared.partition(".")[2] and "." + shared.partition(".")[2]
    dot = shared.find(".")
    return shared[dot:] if dot >= 0 else ""
