# SPDX-License-Identifier: BSD-2-Clause
"""What a joining node and the master say to each other: lines of JSON over TLS.

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
    """``secret`` in hex; ``request`` is a certificate request, PEM; ``address`` of its own, if it has to be told."""

    secret: str
    request: str
    version: str
    address: str | None = None


class Ready(Struct, frozen=True):
    """The node's daemon runs with the credentials of the bundle."""

    ready: bool = True


class Answer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``error``: see ``ganeti.errors.encode``. ``lines``: of the job that took the node in."""

    bundle: Bundle | None = None
    node_name: str = ""
    lines: tuple[str, ...] = ()
    error: list[Any] | None = None
