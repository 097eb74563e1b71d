# SPDX-License-Identifier: BSD-2-Clause
"""Existing names: from the files that every node keeps, or from the master daemon if it answers quickly."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from ganeti.host.paths import Paths

PATIENCE = 1.0  # maximum seconds to wait for the master daemon


def names(kind: str, paths: Paths, begun: str) -> list[str]:
    """The names of a kind of object; none if unavailable. ``begun``: for files, the part already typed."""
    if kind == "file":
        return _files(begun)
    found = SOURCES.get(kind)
    return found(paths) if found else []


def _fact(key: str, word: int = 0) -> Callable[[Paths], list[str]]:
    """Reads a file of facts: one word of each line."""

    def read(paths: Paths) -> list[str]:
        with suppress(OSError):
            return [line.split()[word] for line in paths.ssconf(key).read_text().splitlines() if line.strip()]
        return []

    return read


def _rows(paths: Paths, what: str, fields: list[str]) -> list[list[Any]]:
    """A query's rows of plain values."""
    from ganeti.declare.field import plain_rows  # noqa: PLC0415
    from ganeti.errors import GanetiError  # noqa: PLC0415 - names of nodes and instances need no master
    from ganeti.luxi.client import Client  # noqa: PLC0415
    from ganeti.luxi.protocol import Method  # noqa: PLC0415

    client = Client(paths.master_socket, PATIENCE)
    try:
        table = client.call(Method.QUERY, what, fields, None)
    except GanetiError:
        return []  # no errors during completion: the command itself will report them
    finally:
        client.close()
    return plain_rows(table["data"])


def _jobs(*statuses: str) -> Callable[[Paths], list[str]]:
    """Finds the numbers of the jobs in these states; of all jobs if none is given."""

    def find(paths: Paths) -> list[str]:
        rows = _rows(paths, "job", ["id", "status"])
        return [str(number) for number, status in rows if not statuses or status in statuses]

    return find


def _providers(paths: Paths) -> list[str]:
    """OS providers as arguments of ``-o``, with variants: those that can be installed, as in ``gnt-os list``."""
    rows = _rows(paths, "os", ["name", "variants", "valid", "hidden", "blacklisted"])
    usable = [(name, variants) for name, variants, valid, hidden, barred in rows if valid and not hidden and not barred]
    return [f"{name}+{variant}" if variant else name for name, variants in usable for variant in variants or [""]]


def _filters(paths: Paths) -> list[str]:
    return [str(uuid) for (uuid,) in _rows(paths, "filter", ["uuid"])]


def _storage_providers(paths: Paths) -> list[str]:
    return [str(name) for (name,) in _rows(paths, "extstorage", ["name"])]


def _files(begun: str) -> list[str]:
    directory, typed = begun.rpartition("/")[:2] if "/" in begun else ("", "")
    place = Path(f"{directory}{typed}" or ".")
    with suppress(OSError):
        return [f"{directory}{typed}{path.name}{'/' if path.is_dir() else ''}" for path in _visible(place.iterdir())]
    return []


def _visible(paths: Iterable[Path]) -> list[Path]:
    return [path for path in paths if not path.name.startswith(".")]


SOURCES: dict[str, Callable[[Paths], list[str]]] = {
    "instance": _fact("instance_list"),
    "node": _fact("node_list"),
    "group": _fact("nodegroups", 1),
    "network": _fact("networks", 1),
    "job": _jobs(),
    "unfinished job": _jobs("canceling", "queued", "running", "waiting"),
    "finished job": _jobs("canceled", "error", "success"),
    "os": _providers,
    "filter": _filters,
    "storage provider": _storage_providers,
}
