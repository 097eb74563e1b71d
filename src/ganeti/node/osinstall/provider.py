# SPDX-License-Identifier: BSD-2-Clause
"""OS providers as they lie on this node: a directory each, with scripts and text files.

What must be in it is ganeti-os-interface(7). Of several providers of one name the first found counts.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from ganeti.declare.types import OS_NAME
from ganeti.errors import UnknownEntity, WrongInput
from ganeti.host.files import inside, read_text
from ganeti.host.paths import Paths
from ganeti.rpc.contract.os import OsProvider

# The versions of the interface that are spoken, the best first.
API_VERSIONS = (20, 15, 10)
API_WITH_VARIANTS = 15
API_WITH_PARAMETERS = 20

_NAME = re.compile(OS_NAME)
_SCRIPTS = ("create", "import", "export", "rename")


def all_providers(paths: Paths) -> Iterator[OsProvider]:
    """Every provider in the search path, usable or not, in the order in which they are found."""
    for place in paths.os_search_path:
        for directory in sorted(place.iterdir()) if place.is_dir() else ():
            if directory.is_dir() and _NAME.fullmatch(directory.name):
                yield read(directory)


def find(paths: Paths, os_name: str) -> OsProvider:
    """The provider of an OS such as ``debian`` or ``debian+bookworm``.

    Raises WrongInput for a name that is none or a provider that cannot be used, UnknownEntity.
    """
    base = base_of(os_name)
    if not _NAME.fullmatch(base):
        raise WrongInput(f"Parameter 'os': '{os_name}' is not the name of an OS")
    for place in paths.os_search_path:
        if (place / base).is_dir() and inside(place, place / base):
            provider = read(place / base)
            if provider.problem:
                raise WrongInput(f"Parameter 'os': the OS provider '{base}' cannot be used: {provider.problem}")
            return provider
    places = ", ".join(map(str, paths.os_search_path))
    raise UnknownEntity(f"There is no OS provider '{base}' on this node (looked in {places})")


def read(directory: Path) -> OsProvider:
    versions = _versions(directory)
    return OsProvider(
        name=directory.name,
        path=str(directory),
        variants=_variants(directory) if api_version(versions) >= API_WITH_VARIANTS else (),
        parameters=_parameters(directory) if api_version(versions) >= API_WITH_PARAMETERS else {},
        api_versions=versions,
        problem="; ".join(_problems(directory, versions)),
    )


def api_version(versions: tuple[int, ...]) -> int:
    """The version of the interface to speak with a provider; 0 if there is none in common."""
    return next((version for version in API_VERSIONS if version in versions), 0)


def base_of(os_name: str) -> str:
    """``debian+bookworm`` → ``debian``."""
    return os_name.partition("+")[0]


def variant_of(os_name: str, provider: OsProvider) -> str:
    """The variant that is asked for, or the provider's first."""
    return os_name.partition("+")[2] or next(iter(provider.variants), "")


def _problems(directory: Path, versions: tuple[int, ...]) -> Iterator[str]:
    version = api_version(versions)
    if not version:
        spoken = ", ".join(map(str, API_VERSIONS))
        told = ", ".join(map(str, versions)) or "nothing"
        yield f"its ganeti_api_version says {told}; known are {spoken}"
    scripts = (*_SCRIPTS, "verify") if version >= API_WITH_PARAMETERS else _SCRIPTS
    for script in scripts:
        if not os.access(directory / script, os.X_OK) or not (directory / script).is_file():
            yield f"it has no executable '{script}'"
    if version >= API_WITH_PARAMETERS and not (directory / "parameters.list").is_file():
        yield "it has no 'parameters.list' (empty if there are none)"


def _versions(directory: Path) -> tuple[int, ...]:
    words = (_text(directory / "ganeti_api_version")).split()
    return tuple(int(word) for word in words if word.isdecimal())


def _variants(directory: Path) -> tuple[str, ...]:
    return tuple(_lines(directory / "variants.list"))


def _parameters(directory: Path) -> dict[str, str]:
    """Name and description, with white space between them."""
    pairs = (line.split(None, 1) for line in _lines(directory / "parameters.list"))
    return {pair[0]: pair[1] if len(pair) > 1 else "" for pair in pairs}


def _lines(path: Path) -> Iterator[str]:
    lines = (line.strip() for line in _text(path).splitlines())
    return (line for line in lines if line and not line.startswith("#"))


def _text(path: Path) -> str:
    try:
        return read_text(path) or ""
    except (OSError, UnicodeDecodeError):
        return ""
