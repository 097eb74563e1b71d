# SPDX-License-Identifier: BSD-2-Clause
"""A network card of an instance."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

# Of the cards by which guests reach the metadata daemon of their node; see ``ganeti.model.communication``.
COMMUNICATION_SUBNET = "169.254.0.0/16"
COMMUNICATION_ADDRESS = "169.254.169.254"  # the daemon's, for every guest
COMMUNICATION_LINK = "communication_rt"


class Nic(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``network`` is a network's UUID; the node group determines how such a NIC is connected.

    Without one, ``nicparams`` override the cluster's NIC parameters.
    """

    uuid: str
    mac: str
    name: str | None = None
    ip: str | None = None
    network: str | None = None
    nicparams: dict[str, Any] = {}
