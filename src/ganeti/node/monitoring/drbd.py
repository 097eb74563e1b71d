# SPDX-License-Identifier: BSD-2-Clause
"""The mirrored disks of this machine, as the kernel shows them in ``/proc/drbd`` (DRBD 8.4)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ganeti.host.files import read_text
from ganeti.node.monitoring.status import BEING_MENDED, FINE, WRONG, Status

_DEVICE = re.compile(r"^ *(\d+): cs:(\w+)(?: ro:(\w+)/(\w+) ds:(\w+)/(\w+) (\w) (\S+))?", re.MULTILINE)
_COUNTERS = {
    "ns": "networkSend",
    "nr": "networkReceive",
    "dw": "diskWrite",
    "dr": "diskRead",
    "al": "activityLog",
    "bm": "bitMap",
    "lo": "localCount",
    "pe": "pending",
    "ua": "unacknowledged",
    "ap": "applicationPending",
    "ep": "epochs",
    "wo": "writeOrder",
    "oos": "outOfSync",
}
_COUNTER = re.compile(rf"\b({'|'.join(_COUNTERS)}):(\S+)")
_VERSION = re.compile(r"^version: (\S+)(?: \(api:([^/)]+)/proto:([^)]+)\))?", re.MULTILINE)
_SOURCE = re.compile(r"^(srcversion|GIT-hash): (\S+)", re.MULTILINE)
_SYNCED = re.compile(r"sync'ed: *([0-9.]+)% \((\d+)/(\d+)\)([KM]?)")
_FINISH = re.compile(r"finish: (\d+):(\d\d):(\d\d) speed: ([0-9,]+)(?: \([0-9,]+\))?(?: want: ([0-9,]+))?")
_UNITS = {"K": "KiloByte", "M": "MegaByte", "": "Byte"}
_UNCONFIGURED = "Unconfigured"
_SYNCING = frozenset({"SyncSource", "SyncTarget", "PausedSyncS", "PausedSyncT", "WFBitMapS", "WFBitMapT", "VerifyS"})
_CONNECTED = frozenset({"Connected", "VerifyT", *_SYNCING})
_GOOD = "UpToDate"


def mirrors(instances: Mapping[int, str], file: Path = Path("/proc/drbd")) -> tuple[Status, dict[str, Any]]:
    """``instances``: the known names of the devices' instances, by minor number."""
    text = read_text(file) or ""
    devices = [_device(found, part, instances) for found, part in _parts(text)]
    return _status(devices), {"versionInfo": _version(text), "deviceInfos": devices}


def _parts(text: str) -> Iterable[tuple[re.Match[str], str]]:
    """The part of the text for each device."""
    found = list(_DEVICE.finditer(text))
    ends = [one.start() for one in found[1:]] + [len(text)] * bool(found)
    return [(one, text[one.end() : end]) for one, end in zip(found, ends, strict=True)]


def _version(text: str) -> dict[str, str]:
    found = _VERSION.search(text)
    if not found:
        return {}
    numbers = dict(zip(("version", "api", "proto"), found.groups(), strict=True))
    names = {"srcversion": "srcversion", "GIT-hash": "gitHash"}
    sources = {names[name]: value for name, value in _SOURCE.findall(text)}
    return {name: value for name, value in numbers.items() if value} | sources


def _device(found: re.Match[str], rest: str, instances: Mapping[int, str]) -> dict[str, Any]:
    minor, state, *others = found.groups()
    if state == _UNCONFIGURED or others[0] is None:
        return {"minor": int(minor), "connectionState": state}
    names = ("localRole", "remoteRole", "localState", "remoteState", "replicationProtocol", "ioFlags")
    counters = {_COUNTERS[name]: int(value) if value.isdigit() else value for name, value in _COUNTER.findall(rest)}
    return {
        "minor": int(minor),
        "connectionState": state,
        **dict(zip(names, others, strict=True)),
        "perfIndicators": counters,
        **_progress(rest),
        "instance": instances.get(int(minor)),
    }


def _progress(rest: str) -> dict[str, Any]:
    synced, finish = _SYNCED.search(rest), _FINISH.search(rest)
    if not synced:
        return {}
    percent, done, whole, unit = synced.groups()
    progress = {"percentage": float(percent), "progress": f"{done}/{whole}", "progressUnit": _UNITS[unit]}
    if finish:
        hours, minutes, seconds, speed, want = finish.groups()
        progress["timeToFinish"] = f"{int(hours):02}:{minutes}:{seconds}"
        progress["speed"] = int(speed.replace(",", ""))
        progress |= {"want": int(want.replace(",", ""))} if want else {}
        progress["speedUnit"] = "KiloByte/Second"
    return {"syncStatus": progress}


def _status(devices: Iterable[dict[str, Any]]) -> Status:
    """A synchronisation is temporary; a copy that is otherwise outdated, or disconnected, is a problem."""
    found = FINE
    for device in devices:
        connection = device["connectionState"]
        if connection == _UNCONFIGURED:
            continue
        name = f"drbd{device['minor']}"
        if connection not in _CONNECTED:
            found = found.worse(Status(WRONG, f"{name}: {connection}"))
        elif connection in _SYNCING:
            found = found.worse(Status(BEING_MENDED, ""))
        elif device.get("localState") != _GOOD:
            found = found.worse(Status(WRONG, f"{name}: the copy here is {device.get('localState')}"))
    return found
