# SPDX-License-Identifier: BSD-2-Clause
"""Providers of external storage on this node; for their contents see ganeti-extstorage-interface(7)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ganeti.errors import UnknownEntity, WrongInput
from ganeti.host.paths import Paths
from ganeti.node.provider_directory import all_in, find_in, missing_scripts, parameters
from ganeti.rpc.contract.storage import StorageProvider

_SCRIPTS = ("create", "attach", "detach", "remove", "grow", "setinfo", "verify")


def all_providers(paths: Paths) -> Iterator[StorageProvider]:
    """Every provider in the search path, usable or not, in the order in which they are found."""
    return (read(directory) for directory in all_in(paths.storage_search_path))


def find(paths: Paths, name: str) -> StorageProvider:
    """Raises UnknownEntity, WrongInput for an unusable one."""
    directory = find_in(paths.storage_search_path, name)
    if directory is None:
        places = ", ".join(map(str, paths.storage_search_path))
        raise UnknownEntity(
            f"Parameter 'provider': there is no storage provider '{name}' on this node (looked in {places})"
        )
    provider = read(directory)
    if provider.problem:
        raise WrongInput(f"Parameter 'provider': storage provider '{name}' cannot be used: {provider.problem}")
    return provider


def read(directory: Path) -> StorageProvider:
    return StorageProvider(
        name=directory.name,
        path=str(directory),
        parameters=parameters(directory),
        problem="; ".join(_problems(directory)),
    )


def _problems(directory: Path) -> Iterator[str]:
    yield from missing_scripts(directory, _SCRIPTS)
    if not (directory / "parameters.list").is_file():
        yield "it has no 'parameters.list' (empty if there are none)"
