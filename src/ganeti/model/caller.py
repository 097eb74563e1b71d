# SPDX-License-Identifier: BSD-2-Clause
"""Who makes a request."""

from __future__ import annotations

from msgspec import Struct

from ganeti.declare.role import Role


class Caller(Struct, frozen=True):
    """A user of the remote API, with what that user may do; or ROOT."""

    name: str
    roles: frozenset[Role]


# Anyone who may open the master daemon's socket.
ROOT = Caller("root", frozenset(Role))
