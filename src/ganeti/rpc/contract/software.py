# SPDX-License-Identifier: BSD-2-Clause
"""Versions of the software on a node. All versions must support these calls, and ``Ping``, unchanged."""

from __future__ import annotations

from msgspec import Struct

from ganeti.rpc.call import Call


class Software(Struct, frozen=True):
    """``running``: the version of the node daemon; ``installed``: those that it can switch to."""

    running: str
    installed: tuple[str, ...]


class TellVersions(Call[Software], frozen=True, tag="node.versions"):
    """The node's versions."""

    patience = 10.0


class SwitchVersion(Call[None], frozen=True, tag="node.switch-version"):
    """Switch to another version: the node's daemons restart after the answer, guests keep running."""

    version: str
    patience = 10.0
