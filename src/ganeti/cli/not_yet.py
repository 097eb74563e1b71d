# SPDX-License-Identifier: BSD-2-Clause
"""Commands of Ganeti that this software does not have yet, so that they are not reported as typos."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from ganeti.errors import EXIT_FAILURE

# By script; aliases of existing commands are not here.
NOT_YET: Mapping[str, frozenset[str]] = {
    script: frozenset(names.split())
    for script, names in {
        "gnt-backup": "export import list list-fields remove",
        "gnt-debug": "wconfd",
    }.items()
}


def told(script: str, name: str) -> str:
    """The message for a missing command."""
    if name in NOT_YET.get(script, ()):
        return f"{script}: '{name}' is a command of Ganeti that is not supported yet"
    return f"{script}: there is no command '{name}'"


def script() -> int:
    """A script that is not supported at all yet; its exit status."""
    name = Path(sys.argv[0]).name
    print(f"{name} is a script of Ganeti that is not supported yet", file=sys.stderr)  # noqa: T201 - for the user
    return EXIT_FAILURE
