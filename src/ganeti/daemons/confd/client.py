# SPDX-License-Identifier: BSD-2-Clause
"""A client of the configuration daemons, as any program on a node can be."""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import Sequence
from typing import Any

from ganeti.daemons.confd.protocol import LARGEST_ANSWER, PORT, Answer, Query, Status, asked, told
from ganeti.errors import EnvironmentUnfit, NodeUnreachable
from ganeti.host.files import read_text
from ganeti.host.paths import Paths

_PATIENCE = 1.0  # seconds for each of them


class ConfdClient:
    """Asks one candidate after the other; the first answer counts."""

    def __init__(self, paths: Paths, port: int = PORT) -> None:
        self._paths = paths
        self._port = port

    def ask(self, kind: int, query: Any = None) -> Any:
        """Blocks. Raises NodeUnreachable if nobody answers, EnvironmentUnfit if the query cannot be answered."""
        try:
            key = self._paths.confd_key.read_bytes()
        except FileNotFoundError:
            raise EnvironmentUnfit(f"There is no {self._paths.confd_key} to sign a query with") from None
        addresses = (read_text(self._paths.ssconf("master_candidates_ips")) or "").split()
        answer = self._first(addresses, Query(kind, secrets.token_hex(16), query), key)
        if answer.status is not Status.OK:
            raise EnvironmentUnfit(f"ganeti-confd has no answer: {answer.answer}")
        return answer.answer

    def _first(self, addresses: Sequence[str], query: Query, key: bytes) -> Answer:
        for address in addresses:
            answer = self._one(address, query, key)
            if answer:
                return answer
        raise NodeUnreachable(f"No ganeti-confd answers, at {', '.join(addresses) or 'no address'}")

    def _one(self, address: str, query: Query, key: bytes) -> Answer | None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as talking:
            try:
                talking.connect((address, self._port))
                talking.send(asked(query, key, time.time()))
                deadline = time.monotonic() + _PATIENCE
                while (left := deadline - time.monotonic()) > 0:
                    talking.settimeout(left)
                    answer = told(talking.recv(LARGEST_ANSWER), query.rsalt, key)
                    if answer:
                        return answer
            except OSError:
                pass  # it is down, or does not answer
        return None
