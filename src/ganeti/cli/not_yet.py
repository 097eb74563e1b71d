# SPDX-License-Identifier: BSD-2-Clause
"""Commands that Ganeti has and this software does not have yet, so that nobody takes them for typing errors."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from ganeti.errors import EXIT_FAILURE

# By script; what there is as well, by its other name, is not here.
NOT_YET: Mapping[str, frozenset[str]] = {
    script: frozenset(names.split())
    for script, names in {
        "gnt-backup": "export import list list-fields remove",
        "gnt-debug": "wconfd",
    }.items()
}


def told(script: str, name: str) -> str:
    """What to say of a command that there is not."""
    if name in NOT_YET.get(script, ()):
        return f"{script}: '{name}' is a command of Ganeti that is not supported yet"
    return f"{script}: there is no command '{name}'"


def script() -> int:
    """A script of which nothing is supported yet; its exit status."""
    name = Path(sys.argv[0]).name
    print(f"{name} is a script of Ganeti that is not supported yet", file=sys.stderr)  # noqa: T201 - for the user
    return EXIT_FAILURE
