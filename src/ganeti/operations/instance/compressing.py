# SPDX-License-Identifier: BSD-2-Clause
"""How what nodes send one another may be compressed."""

from __future__ import annotations

from ganeti.errors import WrongState
from ganeti.model.cluster import Cluster
from ganeti.model.compression import Compression


def ensure_compressible(cluster: Cluster, compress: Compression) -> None:
    """Raise WrongState for one that the cluster does not have among its ``compression_tools``."""
    if compress != "none" and compress not in cluster.compression_tools:
        raise WrongState(
            f"Parameter 'compress': '{compress}' is not among the compression tools of this cluster "
            f"({', '.join(cluster.compression_tools) or 'none'}); 'gnt-cluster modify --compression-tools' changes that"
        )
