# SPDX-License-Identifier: BSD-2-Clause
"""Commands of Ganeti that this software does not have yet, so that they are not reported as typos."""

from __future__ import annotations

from collections.abc import Mapping

# By script; aliases of existing commands are not here.
NOT_YET: Mapping[str, frozenset[str]] = {
    script: frozenset(names.split())
    for script, names in {
        "gnt-debug": "wconfd",
    }.items()
}


def told(script: str, name: str) -> str:
    """The message for a missing command."""
    if name in NOT_YET.get(script, ()):
        return f"{script}: '{name}' is a command of Ganeti that is not supported yet"
    return f"{script}: there is no command '{name}'"
