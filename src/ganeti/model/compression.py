# SPDX-License-Identifier: BSD-2-Clause
"""How what nodes send one another is compressed."""

from __future__ import annotations

from typing import Literal

# From what costs the least to what is the smallest; each is done by the node daemon itself.
CompressionTool = Literal["gzip-fast", "gzip", "gzip-slow"]
Compression = Literal["none", "gzip-fast", "gzip", "gzip-slow"]
COMPRESSION_TOOLS: tuple[CompressionTool, ...] = ("gzip-fast", "gzip", "gzip-slow")
