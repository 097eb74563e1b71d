# SPDX-License-Identifier: BSD-2-Clause
"""Which version of this software a node runs. Every version must understand these calls, and ``Ping``, as they are."""

from __future__ import annotations

from msgspec import Struct

from ganeti.rpc.call import Call


class Software(Struct, frozen=True):
    """``running``: the version of the node daemon; ``installed``: those that could be switched to."""

    running: str
    installed: tuple[str, ...]


class TellVersions(Call[Software], frozen=True, tag="node.versions"):
    """Which versions have you got?"""

    patience = 10.0


class SwitchVersion(Call[None], frozen=True, tag="node.switch-version"):
    """Use another version from now on: the node's daemons restart after the answer, the guests run on."""

    version: str
    patience = 10.0
