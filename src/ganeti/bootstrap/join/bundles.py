# SPDX-License-Identifier: BSD-2-Clause
"""Creating the bundle for a new node. Done on the master, which has the key of the cluster's CA."""

from __future__ import annotations

from ganeti.errors import EnvironmentUnfit
from ganeti.host.certificates import authority_of, sign_request
from ganeti.host.files import read_text
from ganeti.host.paths import Paths
from ganeti.node.membership import Bundle, candidates
from ganeti.rpc.authority import read_term


class Notary:
    """Signs with the files of a master node."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths

    def bundle(self, node_name: str, request: bytes) -> Bundle:
        """Raises AccessDenied for an unacceptable request, EnvironmentUnfit where the CA's key is missing."""
        paths, term = self._paths, read_term(self._paths.term)
        if term is None or not paths.ca_key.exists():
            raise EnvironmentUnfit("This is not the master of a cluster: the key of the cluster's CA is not here")
        trusted = paths.ca_certificate.read_bytes()
        authority = authority_of(paths.ca_key.read_bytes(), trusted)
        return Bundle(
            cluster_name=read_text(paths.ssconf("cluster_name")) or "",
            ca=trusted.decode(),
            certificate=sign_request(authority, request, node_name).decode(),
            term=term.number,
            master=term.master,
            candidates=candidates(paths),
        )
