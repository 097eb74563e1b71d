# SPDX-License-Identifier: BSD-2-Clause
"""The directories in which disks may be stored as files.

They are Ganeti's two defaults and those that the administrator lists, one per line, in
``/etc/ganeti/file-storage-paths`` (gnt-cluster(8)). Whatever the master requests, a file outside of them
is never touched.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from ganeti.errors import EnvironmentUnfit, WrongInput
from ganeti.host.files import inside, read_text
from ganeti.host.paths import Paths
from ganeti.model.template import is_disk_file

_OWN = "/srv/ganeti/file-storage"
MOST_FILES = 20_000  # maximum number listed
_DEFAULTS = (_OWN, "/srv/ganeti/shared-file-storage")
# System directories; a disk there could replace a part of the system.
_NEVER = ("/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/root", "/sbin", "/sys", "/usr")


def allowed(paths: Paths) -> tuple[str, ...]:
    """The directories, as paths of the node; see ``Paths.under``."""
    lines = (read_text(paths.etc / "file-storage-paths") or "").splitlines()
    listed = (line.strip() for line in lines if line.strip() and not line.strip().startswith("#"))
    return (*_DEFAULTS, *(place for place in listed if not why_never(place)))


def locate(paths: Paths, location: str) -> Path:
    """The path of a disk's file on this machine. Raises WrongInput if disks may not be there.

    Links and ``..`` in its directory are followed first; a link in place of the file is refused.
    """
    asked = paths.under(location)
    if not location.startswith("/") or "\0" in location or asked.name in ("", "..") or asked.is_symlink():
        raise WrongInput(f"Parameter 'location': '{location}' is not the absolute path of a file")
    places = allowed(paths)
    likely = named(paths, location)  # the others are not looked at if it is there: one may not answer
    if not any(inside(paths.under(place), asked.parent) for place in (*likely, *places)):
        raise WrongInput(
            f"Parameter 'location': '{location}' is outside of {', '.join(places)}; further directories "
            "for disks are listed in /etc/ganeti/file-storage-paths"
        )
    return asked.parent.resolve() / asked.name


def named(paths: Paths, location: str) -> tuple[str, ...]:
    """Those of the directories that a location begins with: links and ``..`` are not followed, nothing is looked at."""
    return tuple(place for place in allowed(paths) if Path(location).is_relative_to(place))


def prepare(paths: Paths) -> None:
    """Create the directory for the node's own files. One for shared files is never created: it has to be mounted."""
    paths.under(_OWN).mkdir(mode=0o750, parents=True, exist_ok=True)


def ensure_there(paths: Paths, location: str) -> None:
    """Raise EnvironmentUnfit if the allowed directory that is to contain ``location`` does not exist."""
    for place in named(paths, location) or allowed(paths):
        if inside(paths.under(place), paths.under(location)) and not paths.under(place).is_dir():
            raise EnvironmentUnfit(
                f"The directory {place} does not exist on this node; mount it if it is shared, otherwise create it"
            )


def why_never(place: str) -> str:
    """Why a directory can never be used for disks, even if listed; empty if it can."""
    if not place.startswith("/"):
        return "is not an absolute path"
    normal = os.path.normpath(place)
    if normal == "/" or any(Path(normal).is_relative_to(system) for system in _NEVER):
        return "belongs to the system"
    return ""


def problems(paths: Paths, directory: str) -> list[str]:
    """Why disks cannot be stored in a directory; empty if they can."""
    if why := why_never(directory):
        return [f"The directory '{directory}' {why}"]
    path = paths.under(directory)
    if not any(inside(paths.under(place), path) for place in allowed(paths)):
        return [f"The directory '{directory}' is not listed in /etc/ganeti/file-storage-paths"]
    if not path.is_dir():
        return [f"The directory '{directory}' does not exist"]
    if not os.access(path, os.W_OK | os.X_OK):
        return [f"The directory '{directory}' cannot be written to"]
    return []


def disk_files(paths: Paths, directories: Iterable[str]) -> tuple[str, ...]:
    """Files that are named like disks, in the directories of instances below these; a limited number."""
    found = (
        f"{directory}/{inner.name}/{file.name}"
        for directory in directories
        for inner in _entries(paths.under(directory))
        if inner.is_dir() and not inner.is_symlink()
        for file in _entries(inner)
        if is_disk_file(file.name)
    )
    return tuple(sorted(islice(found, MOST_FILES)))


def _entries(directory: Path) -> Iterator[Path]:
    """Unordered; empty for an unreadable one, which another check reports."""
    try:
        yield from directory.iterdir()
    except OSError:
        return
