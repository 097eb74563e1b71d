# SPDX-License-Identifier: BSD-2-Clause
"""OS providers on this node: a directory each, with scripts and text files.

What must be in it is ganeti-os-interface(7).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ganeti.errors import UnknownEntity, WrongInput
from ganeti.host.paths import Paths
from ganeti.node.provider_directory import NAME, all_in, find_in, lines, missing_scripts, parameters, text
from ganeti.rpc.contract.os import OsProvider

# The supported versions of the interface, the preferred one first.
API_VERSIONS = (20, 15, 10)
API_WITH_VARIANTS = 15
API_WITH_PARAMETERS = 20

_SCRIPTS = ("create", "import", "export", "rename")


def all_providers(paths: Paths) -> Iterator[OsProvider]:
    """Every provider in the search path, usable or not, in the order in which they are found."""
    return (read(directory) for directory in all_in(paths.os_search_path))


def find(paths: Paths, os_name: str) -> OsProvider:
    """The provider of an OS such as ``debian`` or ``debian+bookworm``.

    Raises WrongInput for an invalid name or an unusable provider, UnknownEntity.
    """
    base = base_of(os_name)
    if not NAME.fullmatch(base):
        raise WrongInput(f"Parameter 'os': '{os_name}' is not the name of an OS")
    directory = find_in(paths.os_search_path, base)
    if directory is None:
        places = ", ".join(map(str, paths.os_search_path))
        raise UnknownEntity(f"There is no OS provider '{base}' on this node (looked in {places})")
    provider = read(directory)
    if provider.problem:
        raise WrongInput(f"Parameter 'os': the OS provider '{base}' cannot be used: {provider.problem}")
    return provider


def read(directory: Path) -> OsProvider:
    versions = _versions(directory)
    return OsProvider(
        name=directory.name,
        path=str(directory),
        variants=_variants(directory) if api_version(versions) >= API_WITH_VARIANTS else (),
        parameters=parameters(directory) if api_version(versions) >= API_WITH_PARAMETERS else {},
        api_versions=versions,
        problem="; ".join(_problems(directory, versions)),
    )


def api_version(versions: tuple[int, ...]) -> int:
    """The version of the interface to use with a provider; 0 if none is supported by both."""
    return next((version for version in API_VERSIONS if version in versions), 0)


def base_of(os_name: str) -> str:
    """``debian+bookworm`` → ``debian``."""
    return os_name.partition("+")[0]


def variant_of(os_name: str, provider: OsProvider) -> str:
    """The requested variant, or the provider's first."""
    return os_name.partition("+")[2] or next(iter(provider.variants), "")


def _problems(directory: Path, versions: tuple[int, ...]) -> Iterator[str]:
    version = api_version(versions)
    if not version:
        spoken = ", ".join(map(str, API_VERSIONS))
        told = ", ".join(map(str, versions)) or "nothing"
        yield f"its ganeti_api_version says {told}; known are {spoken}"
    scripts = (*_SCRIPTS, "verify") if version >= API_WITH_PARAMETERS else _SCRIPTS
    yield from missing_scripts(directory, scripts)
    if version >= API_WITH_PARAMETERS and not (directory / "parameters.list").is_file():
        yield "it has no 'parameters.list' (empty if there are none)"


def _versions(directory: Path) -> tuple[int, ...]:
    words = text(directory / "ganeti_api_version").split()
    return tuple(int(word) for word in words if word.isdecimal())


def _variants(directory: Path) -> tuple[str, ...]:
    return tuple(lines(directory / "variants.list"))
