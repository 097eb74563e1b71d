# SPDX-License-Identifier: BSD-2-Clause
"""A cluster from the backend chosen by options, adjusted by other options."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import msgspec
from msgspec import Struct

from ganeti.cli.htools.loads import with_loads
from ganeti.cli.htools.names import Names
from ganeti.cli.htools.options import verbosity, warn
from ganeti.errors import WrongInput
from ganeti.placement.snapshot import Node, Snapshot
from ganeti.placement.tags import TagRules, tag_rules
from ganeti.placement.text import Parsed

_BACKENDS = ("text_data", "master", "luxi", "ialloc_src")
_UNEXPLAINED_MEMORY = 512  # MiB from which a discrepancy of a node is worth a warning
_UNEXPLAINED_DISK = 1024


class Loaded(Struct, frozen=True):
    """``tags`` are the rules in the cluster's tags and --exclusion-tags."""

    snapshot: Snapshot
    names: Names
    tags: TagRules


def load(arguments: argparse.Namespace) -> Loaded:
    """Raises WrongInput with the messages of Ganeti's tools; warnings about the data go to standard error."""
    parsed = _parsed(arguments)
    snapshot = parsed.snapshot
    names = Names(snapshot)
    if verbosity(arguments) > 0:
        _tell(parsed)
    snapshot = snapshot.with_nodes(_with_offline(snapshot, names, arguments.offline))
    snapshot = with_loads(snapshot, arguments)
    prefixes = getattr(arguments, "exclusion_tags", None) or ""
    return Loaded(snapshot, names, tag_rules(snapshot.tags, [prefix for prefix in prefixes.split(",") if prefix]))


def _parsed(arguments: argparse.Namespace) -> Parsed:
    named = [backend for backend in _BACKENDS if getattr(arguments, backend) is not None]
    if len(named) > 1:
        raise WrongInput("Error: Only one of the rapi, luxi, and data files options should be given.")
    try:
        return _from_backend(named[0] if named else "", arguments)
    except WrongInput as error:
        raise WrongInput(f"Error: failed to load data, aborting: {error.message}") from None


def _from_backend(backend: str, arguments: argparse.Namespace) -> Parsed:
    """Each backend is imported only if used, to save start-up time."""
    if getattr(arguments, "simulate", None):
        from ganeti.placement.simulated import simulated  # noqa: PLC0415

        return Parsed(simulated(arguments.simulate), ())
    if backend == "text_data":
        from ganeti.cli.htools.inputs import datafile  # noqa: PLC0415

        return datafile.load(arguments.text_data)
    if backend == "master":
        from ganeti.cli.htools.inputs import rapi  # noqa: PLC0415

        return rapi.load(arguments.master, arguments.static_kvm_node_memory)
    if backend == "luxi":
        from ganeti.cli.htools.inputs import luxi  # noqa: PLC0415

        return luxi.load(arguments.luxi, arguments.static_kvm_node_memory)
    if backend == "ialloc_src":
        from ganeti.cli.htools.inputs import request  # noqa: PLC0415

        return request.load(arguments.ialloc_src, arguments.static_kvm_node_memory)
    raise WrongInput("No backend selected! Exiting.")


def _tell(parsed: Parsed) -> None:
    for doubt in parsed.doubts:
        warn(f"Warning: {doubt}")
    missing = list(_missing(parsed.snapshot))
    if missing:
        warn("Warning: cluster has inconsistent data:")
        for line in reversed(missing):
            warn(line)
        warn("")


def _missing(snapshot: Snapshot) -> Iterator[str]:
    """Nodes with memory or disk space that is neither free nor used by known instances."""
    memory, disk = [0] * len(snapshot.nodes), [0] * len(snapshot.nodes)
    for instance in snapshot.instances:
        if not instance.forthcoming:
            memory[instance.primary] += instance.memory if instance.status.holds_memory else 0
            for node in instance.nodes:
                disk[node] += instance.disk
    for index, it in enumerate(snapshot.nodes):
        lost = it.total_memory - it.node_memory - it.free_memory - memory[index]
        room = it.total_disk - it.free_disk - disk[index]
        if it.total_memory and (lost > _UNEXPLAINED_MEMORY or room > _UNEXPLAINED_DISK):
            yield f"  - node {it.name} is missing {lost} MB ram and {room // 1024} GB disk"


def _with_offline(snapshot: Snapshot, names: Names, offline: list[str]) -> list[Node]:
    places = {names.node(name) for name in offline}
    if None in places:
        unknown = [name for name in offline if names.node(name) is None]
        raise WrongInput(f"Error: wrong node name(s) set as offline: {', '.join(unknown)}\n")
    return [
        msgspec.structs.replace(node, offline=True) if index in places else node
        for index, node in enumerate(snapshot.nodes)
    ]
