# SPDX-License-Identifier: BSD-2-Clause
"""Disk URIs in QEMU's syntax (``rbd:pool/image``), in place of a file or device."""

from __future__ import annotations

import json

from ganeti.errors import ExecutionFailed
from ganeti.host.process import run

_TIME = 30.0  # seconds


async def size_of_address(uri: str) -> int:
    """In bytes. Raises ExecutionFailed if it cannot be read."""
    # Shared, since a guest may have it open.
    told = await run("qemu-img", "info", "--force-share", "--output=json", "-f", "raw", uri, timeout=_TIME)
    if told.failed:
        raise ExecutionFailed(told.why())
    size: int = json.loads(told.output)["virtual-size"]
    return size
