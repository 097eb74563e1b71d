# SPDX-License-Identifier: BSD-2-Clause
"""The directory of a provider, of operating systems or of storage: scripts and text files, on every node.

If several providers have the same name, the first one found counts.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from ganeti.declare.types import OS_NAME
from ganeti.errors import WrongInput
from ganeti.host.files import inside, read_text

NAME = re.compile(OS_NAME)


def all_in(places: Sequence[Path]) -> Iterator[Path]:
    """Every provider's directory, in the order in which they are found."""
    for place in places:
        for directory in sorted(place.iterdir()) if place.is_dir() else ():
            if directory.is_dir() and NAME.fullmatch(directory.name):
                yield directory


def find_in(places: Sequence[Path], name: str) -> Path | None:
    """The directory that counts; none for an invalid name."""
    if not NAME.fullmatch(name):
        return None
    return next((place / name for place in places if (place / name).is_dir() and inside(place, place / name)), None)


def missing_scripts(directory: Path, names: Sequence[str]) -> Iterator[str]:
    """What is wrong with the required scripts, as text."""
    for name in names:
        if not is_script(directory / name):
            yield f"it has no executable '{name}'"


def is_script(path: Path) -> bool:
    return os.access(path, os.X_OK) and path.is_file()


def parameters(directory: Path) -> dict[str, str]:
    """From ``parameters.list``: name and description, separated by white space."""
    pairs = (line.split(None, 1) for line in lines(directory / "parameters.list"))
    return {pair[0]: pair[1] if len(pair) > 1 else "" for pair in pairs}


def lines(path: Path) -> Iterator[str]:
    """The lines of a text file without empty ones and comments (#); none if it is missing, or not text."""
    stripped = (line.strip() for line in text(path).splitlines())
    return (line for line in stripped if line and not line.startswith("#"))


def text(path: Path) -> str:
    try:
        return read_text(path) or ""
    except (OSError, WrongInput):
        return ""
