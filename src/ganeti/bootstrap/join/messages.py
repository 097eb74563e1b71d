# SPDX-License-Identifier: BSD-2-Clause
"""The messages between a joining node and the master: lines of JSON over TLS.

node                               master
Apply (secret, request)      →
←     Answer with a bundle
Ready                        →
←     Answer that it is in the cluster
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from ganeti.node.membership import Bundle


class Apply(Struct, frozen=True, kw_only=True):
    """``secret`` in hex; ``request`` is a certificate request, PEM; ``address``: its own, if it has to be given."""

    secret: str
    request: str
    version: str
    address: str | None = None


class Ready(Struct, frozen=True):
    """The node's daemon runs with the credentials of the bundle."""

    ready: bool = True


class Answer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``error``: see ``ganeti.errors.encode``. ``lines``: the log of the job that added the node."""

    bundle: Bundle | None = None
    node_name: str = ""
    lines: tuple[str, ...] = ()
    error: list[Any] | None = None
