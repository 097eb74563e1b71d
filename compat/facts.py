# SPDX-License-Identifier: BSD-2-Clause
"""Facts read off an installed Ganeti 3.0.2: names, types and defaults, as its users and tools see them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FACTS: dict[str, Any] = {
    path.stem: json.loads(path.read_text()) for path in Path(__file__).with_name("ganeti").glob("*.json")
}
