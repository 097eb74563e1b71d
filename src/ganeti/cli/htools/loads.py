# SPDX-License-Identifier: BSD-2-Clause
"""The dynamic load of a cluster, from the source chosen by options (hbal(1)): a file, monitoring daemons, or none."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TypeVar

import msgspec

from ganeti.cli.given_file import read_given_text
from ganeti.cli.htools.inputs import reports
from ganeti.cli.htools.names import Names
from ganeti.cli.htools.options import warn
from ganeti.errors import WrongInput
from ganeti.placement.snapshot import Instance, Load, Snapshot

_OF_NODES = "cpu-avg-load"
_OF_XEN_GUESTS = "xen-cpu-avg-load"

_Data = TypeVar("_Data")


def with_loads(snapshot: Snapshot, arguments: argparse.Namespace) -> Snapshot:
    """Measured loads take precedence over ``-U``, and ``--ignore-dynu`` over both. Raises WrongInput."""
    if arguments.ignore_dynu:
        nothing = Load(cpu=0, memory=0, disk=0, network=0)
        return snapshot.with_instances(msgspec.structs.replace(i, load=nothing) for i in snapshot.instances)
    if getattr(arguments, "dynu_file", None):
        snapshot = snapshot.with_instances(_from_file(snapshot, arguments.dynu_file))
    if arguments.mond == "yes":
        return _measured(snapshot, arguments)
    if arguments.mond_data:
        warn("Warning: --mond-data counts only together with --mond")
    return snapshot


def _from_file(snapshot: Snapshot, path: str) -> list[Instance]:
    instances, names = list(snapshot.instances), Names(snapshot)
    for name, load in _lines(path):
        index = names.instance(name)
        if index is not None:
            instances[index] = msgspec.structs.replace(instances[index], load=load)
    return instances


def _lines(path: str) -> Iterator[tuple[str, Load]]:
    """A line per instance: name, cpu, memory, disk and network load (hbal(1), ``-U``)."""
    try:
        lines = read_given_text(path).splitlines()
    except OSError as error:
        raise WrongInput(f"Error: can't read utilisation data: {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise WrongInput(f"Error: can't read utilisation data: {path}: this is no text") from None
    for line in lines:
        name, *values = line.split() or [""]
        if len(values) != 4:
            raise WrongInput(f"Error: can't parse utilisation data: Cannot parse line {line}")
        try:
            cpu, memory, disk, network = (float(value) for value in values)
        except ValueError:
            raise WrongInput(f"Error: can't parse utilisation data: {name}: cannot parse '{line}'") from None
        yield name, Load(cpu=cpu, memory=memory, disk=disk, network=network)


def _measured(snapshot: Snapshot, arguments: argparse.Namespace) -> Snapshot:
    """With the loads that all nodes report; unchanged if one of them reports none."""
    found = _of_xen_guests(snapshot, arguments) if arguments.mond_xen else _of_nodes(snapshot, arguments)
    if found is None and arguments.exit_on_missing_mond_data:
        raise WrongInput("Error: Not all required data available")
    return found or snapshot


def _of_nodes(snapshot: Snapshot, arguments: argparse.Namespace) -> Snapshot | None:
    from ganeti.placement.measured import with_loads_of_nodes  # noqa: PLC0415 - start-up time; rarely asked for

    loads = _complete(snapshot, arguments, _OF_NODES, reports.CpuLoad)
    return None if loads is None else with_loads_of_nodes(snapshot, [load.cpu_total for load in loads])


def _of_xen_guests(snapshot: Snapshot, arguments: argparse.Namespace) -> Snapshot | None:
    """Instances by name; if two nodes report one, the first node counts."""
    from ganeti.placement.measured import with_loads_of_instances  # noqa: PLC0415 - as above

    of_nodes = _complete(snapshot, arguments, _OF_XEN_GUESTS, dict[str, float])
    if of_nodes is None:
        return None
    loads = {name: load for loads in reversed(of_nodes) for name, load in loads.items()}
    unknown = [instance.name for instance in snapshot.instances if instance.name not in loads]
    if unknown:
        listed = ",".join(f'"{name}"' for name in unknown)
        warn(f"No CPU information available for [{listed}]")
        return None
    return with_loads_of_instances(snapshot, loads)


def _complete(
    snapshot: Snapshot, arguments: argparse.Namespace, collector: str, shape: type[_Data]
) -> list[_Data] | None:
    """The data of all nodes, in order; None if some are missing, which is reported."""
    nodes = [node.name for node in snapshot.nodes]
    if arguments.mond_data:
        answers = reports.saved(arguments.mond_data, nodes, collector, shape)
    else:
        from ganeti.cli.htools.inputs import mond  # noqa: PLC0415 - aiohttp costs start-up time

        answers = mond.ask(nodes, collector, shape)
    loads = [answer for node in nodes if not isinstance(answer := answers[node], reports.Gap)]
    if len(loads) == len(nodes):
        return loads
    warn("\n".join(answer.text for answer in answers.values() if isinstance(answer, reports.Gap)))
    warn(f"Didn't receive an answer by all MonDs, {collector}'s data will be ignored.")
    return None
