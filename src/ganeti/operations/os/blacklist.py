# SPDX-License-Identifier: BSD-2-Clause
"""OS providers that the administrator has blacklisted (gnt-os(8), "--blacklisted")."""

from __future__ import annotations

from ganeti.errors import WrongState
from ganeti.model.cluster import Cluster


def ensure_allowed(cluster: Cluster, os: str) -> None:
    """Raise WrongState if a provider, or its named variant, may not be used for installations."""
    found = sorted({os, os.partition("+")[0]} & cluster.blacklisted_os)
    if found:
        raise WrongState(f"Parameter 'os_type': OS '{found[0]}' is blacklisted in this cluster; choose another one")
