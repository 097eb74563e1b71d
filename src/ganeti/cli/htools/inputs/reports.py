# SPDX-License-Identifier: BSD-2-Clause
"""Reports of monitoring daemons, in the format of "Ganeti monitoring agent" (design document)."""

from __future__ import annotations

from typing import Literal, TypeVar

import msgspec
from msgspec import Struct

from ganeti.cli.given_file import read_given
from ganeti.errors import WrongInput

_Data = TypeVar("_Data")


class Report(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The report of one collector on one node. ``timestamp`` in nanoseconds; ``data`` in the collector's own form."""

    name: str
    version: str
    format_version: float
    timestamp: float
    category: Literal["storage", "daemon", "instance", "hypervisor"] | None = None
    kind: Literal[0, 1]
    data: msgspec.Raw


class CpuLoad(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The data of ``cpu-avg-load``: the average number of busy processors, each and in total."""

    cpu_number: float
    cpus: tuple[float, ...]
    cpu_total: float


class Gap(Struct, frozen=True):
    """Why there are no data from a node: a line for users."""

    text: str


class _Refusal(Struct, frozen=True):
    """The answer of a collector that has nothing to report."""

    error: str


class _Saved(Struct, frozen=True):
    """A node's reports, in a file."""

    node: str
    reports: tuple[Report, ...]


def saved(path: str, nodes: list[str], collector: str, shape: type[_Data]) -> dict[str, _Data | Gap]:
    """By node, the collector's data in a file for ``--mond-data`` (htools(1)). Raises WrongInput.

    The last entry of a node counts, and therein the first report of the collector.
    """
    try:
        entries = msgspec.json.decode(read_given(path), type=tuple[_Saved, ...])
    except OSError as error:
        raise WrongInput(f"Error: can't read MonD data: {path}: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise WrongInput(f"Error: can't parse MonD data: {path}: {error}") from None
    known = {entry.node: entry.reports for entry in entries}
    found = {node: _first(known[node], collector) for node in nodes if node in known}
    return {node: _data(node, found.get(node), collector, shape) for node in nodes}


def answered(node: str, body: bytes, collector: str, shape: type[_Data]) -> _Data | Gap:
    """The data in a daemon's answer."""
    try:
        report = msgspec.json.decode(body, type=Report)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Gap(f"Node {node} has no usable {collector}: its MonD's answer is no report: {error}")
    return _data(node, report, collector, shape)


def _first(reports: tuple[Report, ...], collector: str) -> Report | None:
    return next((report for report in reports if report.name == collector), None)


def _data(node: str, report: Report | None, collector: str, shape: type[_Data]) -> _Data | Gap:
    if report is None:
        return Gap(f"Node {node} has no {collector}")
    try:
        return msgspec.json.decode(report.data, type=shape)
    except msgspec.DecodeError as error:
        return Gap(f"Node {node} has no usable {collector}: {_refusal(report) or error}")


def _refusal(report: Report) -> str | None:
    """The daemon's own message, if it says why it has no data."""
    try:
        return msgspec.json.decode(report.data, type=_Refusal).error
    except msgspec.DecodeError:
        return None
