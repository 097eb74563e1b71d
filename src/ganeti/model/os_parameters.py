# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of operating systems, which become the environment of their scripts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ganeti.declare.text import shortened
from ganeti.errors import WrongInput

# Valid names of environment variables; a value may contain line feeds, as a key does.
_NAME = re.compile(r"[^=\x00-\x1f]+")


def os_texts(given: Mapping[str, Any], what: str) -> dict[str, str]:
    """They are strings, whatever they look like. Raises WrongInput, without the values, which may be secret."""
    wrong = [f"{what}: '{shortened(name)}' is no name of a parameter" for name in given if not _NAME.fullmatch(name)]
    wrong += [f"{what}: '{shortened(name)}' must be a text or a number" for name in given if not _is_text(given[name])]
    if wrong:
        raise WrongInput("\n".join(wrong))
    return {name: str(value) for name, value in given.items()}


def _is_text(value: Any) -> bool:
    return not isinstance(value, Mapping | list) and "\0" not in str(value)
