# SPDX-License-Identifier: BSD-2-Clause
"""Command line syntax for parameters of the cluster and of node groups (gnt-cluster(8), gnt-group(8))."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganeti.declare.command import Option
from ganeti.declare.text import RESET, parse_bool, parse_keyval, parse_number, parse_size
from ganeti.errors import WrongInput
from ganeti.model.user_ids import parse_pool

_BOUNDS = Option(
    ("--ipolicy-bounds-specs",),
    "Minimum and maximum instance specs: min:KEY=VALUE,.../max:KEY=VALUE,...[//...]; what is not given stays as it is",
    metavar="BOUNDS",
)
_STANDARD = Option(
    ("--ipolicy-std-specs",),
    "Standard instance specs; what is not given stays as it is",
    kind="keyval",
    metavar="KEY=VALUE,...",
    completes="instance specification",
)
_TEMPLATES = Option(
    ("--ipolicy-disk-templates",), "Disk templates allowed for instances", kind="list", completes="disk template"
)
_RATIOS = (
    ("--ipolicy-vcpu-ratio", "Maximum ratio of virtual to physical CPUs"),
    ("--ipolicy-spindle-ratio", "Maximum ratio of used to physical spindles"),
)
_HYPERVISORS = Option(
    ("-H", "--hypervisor-parameters"),
    "Parameters of a hypervisor; may be repeated",
    kind="identkeyval",
    name="hvparams",
    metavar="HYPERVISOR:KEY=VALUE,...",
    completes="hypervisor parameter",
    repeat=True,
)
_DISKS = Option(
    ("-D", "--disk-parameters"),
    "Parameters of a disk template; may be repeated",
    kind="identkeyval",
    name="diskparams",
    metavar="TEMPLATE:KEY=VALUE,...",
    completes="disk parameter",
    repeat=True,
)
_USER_IDS = Option(
    ("--uid-pool",),
    "Users that guests can run as, each for itself (security_model=pool): their IDs, such as 4000-4019,5000",
    metavar="RANGES",
)
_USER_ID_CHANGES = (
    Option(("--add-uids",), "Add user IDs to the user-ID pool", metavar="RANGES"),
    Option(("--remove-uids",), "Remove user IDs from the user-ID pool", metavar="RANGES"),
)
CLUSTER_OPTIONS = (
    _USER_IDS,
    _HYPERVISORS,
    _DISKS,
    _BOUNDS,
    _STANDARD,
    _TEMPLATES,
    *(Option((flag,), text, kind="float", metavar="RATIO") for flag, text in _RATIOS),
)
MODIFY_OPTIONS = (
    *CLUSTER_OPTIONS,
    *_USER_ID_CHANGES,
    Option(
        ("--enabled-data-collectors",),
        "Switch data collectors of the monitoring daemon on or off, such as lv=no",
        kind="keyval",
        metavar="COLLECTOR=YES|NO,...",
    ),
    Option(
        ("--data-collector-interval",),
        "Seconds between two looks of data collectors, such as lv=60",
        kind="keyval",
        metavar="COLLECTOR=SECONDS,...",
    ),
)
# Each part of a group's policy can be "default", the cluster's.
GROUP_OPTIONS = (
    _DISKS,
    _BOUNDS,
    _TEMPLATES,
    *(Option((flag,), f"{text}, or 'default'", metavar="RATIO") for flag, text in _RATIOS),
)


def layered_parameters(values: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of an operation on the cluster or a group, from these options and its own."""
    parameters = dict(values)
    policy = {
        "minmax": _bounds(parameters.pop("ipolicy_bounds_specs", None)),
        "std": _spec(parameters.pop("ipolicy_std_specs", None)),
        "disk-templates": parameters.pop("ipolicy_disk_templates", None),
        "vcpu-ratio": _ratio("--ipolicy-vcpu-ratio", parameters.pop("ipolicy_vcpu_ratio", None)),
        "spindle-ratio": _ratio("--ipolicy-spindle-ratio", parameters.pop("ipolicy_spindle_ratio", None)),
    }
    given = {key: value for key, value in policy.items() if value is not None}
    for name in ("hvparams", "diskparams"):
        if items := parameters.pop(name, None):
            parameters[name] = _merged(items)
    for name in ("uid_pool", "add_uids", "remove_uids"):
        if (text := parameters.get(name)) is not None:
            parameters[name] = parse_pool(text, f"--{name.replace('_', '-')}")
    for name, read in _COLLECTORS.items():
        if parameters.get(name) is not None:
            parameters[name] = {key: read(f"Data collector {key}", value) for key, value in parameters[name].items()}
    return parameters | {"ipolicy": given or None}


def _switched(where: str, value: object) -> bool:
    return value if isinstance(value, bool) else parse_bool(str(value), where)


def _microseconds(where: str, value: object) -> int:
    return round(parse_number(str(value), where, kind=float) * 1e6)


_COLLECTORS = {"enabled_data_collectors": _switched, "data_collector_interval": _microseconds}


def _ratio(flag: str, given: float | str | None) -> float | str | None:
    return parse_number(given, flag, kind=float) if isinstance(given, str) and given != RESET else given


def _merged(items: list[tuple[str, dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    merged: dict[str, dict[str, Any]] = {}
    for kind, values in items:
        merged.setdefault(kind, {}).update(values)
    return merged


def _spec(given: Mapping[str, Any] | None) -> dict[str, int] | None:
    if given is None:
        return None
    return {key: _spec_value(key, str(value)) for key, value in given.items()}


def _spec_value(key: str, text: str) -> int:
    where = f"Parameter '{key}'"
    return parse_size(text, where) if key in ("memory-size", "disk-size") else int(parse_number(text, where))


def _bounds(text: str | None) -> list[dict[str, dict[str, int]]] | str | None:
    """``min:a=1,b=2/max:a=3,b=4//min:...`` → ``[{"min": {...}, "max": {...}}, ...]``."""
    if text in (None, RESET):
        return text
    found = []
    for pair in text.split("//"):
        parts = dict(part.partition(":")[::2] for part in pair.split("/"))
        if set(parts) != {"min", "max"}:
            raise WrongInput(f"--ipolicy-bounds-specs: '{pair}' must have a min:... and a max:... part")
        found.append(
            {side: _spec(parse_keyval(given, "--ipolicy-bounds-specs")) or {} for side, given in parts.items()}
        )
    return found
