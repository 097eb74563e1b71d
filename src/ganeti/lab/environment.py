# SPDX-License-Identifier: BSD-2-Clause
"""The environment of commands and shells on a node, however they were started."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ganeti.cli.completion.answer import setup

SHELL_START = "/etc/profile.d/ganeti-lab.sh"  # read by login shells, and passed to others


def path() -> str:
    """The commands of this installation first."""
    return f"{Path(sys.prefix) / 'bin'}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def variables() -> dict[str, str]:
    source = os.environ.get("PYTHONPATH")
    return {"PATH": path(), "LANG": "C.UTF-8"} | ({"PYTHONPATH": source} if source else {})


def of_root() -> dict[str, str]:
    return variables() | {"HOME": "/root", "USER": "root", "LOGNAME": "root", "SHELL": "/bin/bash"}


def shell_start() -> str:
    """Also read by shells without completion."""
    completion = f'if [ -n "$BASH_VERSION" ]; then {setup()}; fi'
    return f"export PATH={path()}\nPS1='\\u@\\h:\\w\\$ '\n{completion}\n"
