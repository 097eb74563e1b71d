# SPDX-License-Identifier: BSD-2-Clause
"""A client of the remote API that keeps its connection."""

from __future__ import annotations

import base64
import http.client
import ssl
from types import TracebackType
from typing import Self

from ganeti.errors import ExecutionFailed

_PORT = 5080


class Api:
    """``host`` is asked as a user with a password, whatever its certificate."""

    def __init__(self, host: str, user: str, password: str) -> None:
        anyone = ssl.create_default_context()
        anyone.check_hostname = False
        anyone.verify_mode = ssl.CERT_NONE
        self._connection = http.client.HTTPSConnection(host, _PORT, timeout=30, context=anyone)
        self._headers = {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}

    def get(self, resource: str) -> bytes:
        """The body. Raises ExecutionFailed for any status but 200."""
        self._connection.request("GET", resource, headers=self._headers)
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != http.client.OK:
            raise ExecutionFailed(f"GET {resource}: {answer.status} {answer.reason}: {body[:200]!r}")
        return body

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()
