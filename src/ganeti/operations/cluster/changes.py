# SPDX-License-Identifier: BSD-2-Clause
"""Changes of the cluster's settings, as ``gnt-cluster init`` and ``modify`` make them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from ganeti.declare.decode import decode
from ganeti.declare.problems import Problems
from ganeti.declare.setting import with_given
from ganeti.declare.text import RESET, shortened
from ganeti.errors import WrongInput
from ganeti.model.cluster import Cluster
from ganeti.model.collectors import COLLECTORS, LONGEST_INTERVAL, SHORTEST_INTERVAL, unknown_collector
from ganeti.model.os_parameters import os_texts
from ganeti.model.parameters import checked, overrides
from ganeti.model.parameters.backend import BackendParameters, spelled_out
from ganeti.model.parameters.disk import DISK_PARAMETERS
from ganeti.model.parameters.hypervisor import HYPERVISOR_PARAMETERS
from ganeti.model.parameters.network import NicParameters
from ganeti.model.parameters.node import NodeParameters
from ganeti.model.parameters.policy import Bounds, Policy
from ganeti.model.template import TEMPLATES
from ganeti.model.user_ids import ordered
from ganeti.query.pattern import Patterns

_ByKind = Mapping[str, Mapping[str, Any]]
_MICRO = 1_000_000  # intervals of data collectors are microseconds on the wire, and seconds on the command line


def changed(cluster: Cluster, given: Mapping[str, Any], problems: Problems) -> Cluster:
    """The cluster with the settings of ``given``, as far as they are valid; problems are noted."""
    return with_given(cluster, given, _MERGED, problems)


def policy(current: Policy, given: Mapping[str, Any], *, standard: bool = True) -> Policy:
    """An instance policy with the parts of ``given`` replaced; bounds and sizes that are not given stay.

    ``standard``: whether its standard instance has to fit its bounds. Raises WrongInput.
    """
    present = msgspec.to_builtins(current)
    merged = present | {name: _completed(present.get(name), value) for name, value in given.items()}
    result = decode(merged, Policy, "Parameter 'ipolicy'")
    if found := result.problems(standard=standard):
        raise WrongInput("\n".join(f"Parameter 'ipolicy': {text}" for text in found))
    return result


def with_disk_parameters(given: _ByKind, current: _ByKind, below: _ByKind | None = None) -> dict[str, dict[str, Any]]:
    """Parameters of disk templates with the changes of ``given``; ``below``: what they override. Raises WrongInput."""
    return _tables("diskparams", DISK_PARAMETERS, given, current, below)


def _completed(present: Any, given: Any) -> Any:
    """The given parts of a policy, completed from the present one; an additional pair of bounds, from the defaults.

    Malformed parts are left as they are, and reported when they are decoded.
    """
    if isinstance(given, Mapping) and isinstance(present, Mapping):
        return {**present, **{name: _completed(present.get(name), value) for name, value in given.items()}}
    if isinstance(given, Sequence) and given and all(isinstance(pair, Mapping) for pair in given):
        further = [msgspec.to_builtins(Bounds())] * len(given)
        return [_completed(*pair) for pair in zip([*(present or ()), *further], given, strict=False)]
    return given


def _hypervisors(cluster: Cluster, given: Sequence[str]) -> tuple[str, ...]:
    del cluster
    return _subset("enabled_hypervisors", given, tuple(HYPERVISOR_PARAMETERS))


def _templates(cluster: Cluster, given: Sequence[str]) -> tuple[str, ...]:
    del cluster
    return _subset("enabled_disk_templates", given, tuple(str(template) for template in TEMPLATES))


def _subset(name: str, given: Sequence[str], known: tuple[str, ...]) -> tuple[str, ...]:
    wrong = [value for value in given if value not in known]
    if wrong:
        raise WrongInput(f"Parameter '{name}': '{wrong[0]}' is not supported; choose from {', '.join(known)}")
    if not given:
        raise WrongInput(f"Parameter '{name}': give at least one of {', '.join(known)}")
    return tuple(dict.fromkeys(given))


def _backend(cluster: Cluster, given: Mapping[str, Any]) -> dict[str, Any]:
    return _table("beparams", BackendParameters, spelled_out(given), cluster.beparams)


def _table(name: str, table: type[Struct], given: Mapping[str, Any], current: Mapping[str, Any]) -> dict[str, Any]:
    result = overrides(table, given, current, f"Parameter '{name}'")
    checked(table, result, what=f"Parameter '{name}'")
    return result


def _tables(
    name: str, tables: Mapping[str, type[Struct]], given: _ByKind, current: _ByKind, below: _ByKind | None = None
) -> dict[str, dict[str, Any]]:
    """``current`` with the changes of ``given``, by hypervisor or disk template; ``below``: what they override."""
    result = {kind: dict(values) for kind, values in current.items()}
    problems = Problems()
    for kind, values in given.items():
        with problems.noted():
            if kind not in tables:
                raise WrongInput(f"Parameter '{name}': '{kind}' is not supported; choose from {', '.join(tables)}")
            what = f"Parameter '{name}' of {kind}"
            result[kind] = overrides(tables[kind], values, result.get(kind, {}), what)
            checked(tables[kind], (below or {}).get(kind, {}), result[kind], what=what)
    problems.tell()
    return result


def _by_os(cluster: Cluster, given: Mapping[str, _ByKind]) -> dict[str, dict[str, dict[str, Any]]]:
    result = dict(cluster.os_hvp)
    problems = Problems()
    for os, values in given.items():
        with problems.noted():
            present = cluster.os_hvp.get(os, {})
            result[os] = _tables(f"os_hvp of {os}", HYPERVISOR_PARAMETERS, values, present, below=cluster.hvparams)
    problems.tell()
    return result


def _os_parameters(name: str, current: Mapping[str, dict[str, str]], given: _ByKind) -> dict[str, dict[str, str]]:
    result, problems = dict(current), Problems()
    for os, values in given.items():
        with problems.noted():
            merged = {**result.get(os, {}), **os_texts(values, f"Parameter '{name}' of {os}")}
            result[os] = {key: value for key, value in merged.items() if value != RESET}
    problems.tell()
    return result


def _edited(current: frozenset[str], changes: Sequence[tuple[str, str]]) -> frozenset[str]:
    """A set after changes ("add", item) and ("remove", item)."""
    result = set(current)
    for action, item in changes:
        (result.add if action == "add" else result.discard)(item)
    return frozenset(result)


def _expressions(cluster: Cluster, given: Sequence[str]) -> tuple[str, ...]:
    del cluster
    for expression in given:
        Patterns("Parameter 'reserved_lvs'").fitting(expression)
    return tuple(given)


def _collectors(name: str, current: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    unknown = [f"Parameter '{name}': {unknown_collector(one)}" for one in given if one not in COLLECTORS]
    if unknown:
        raise WrongInput("\n".join(unknown))
    return {**current, **given}


def _intervals(cluster: Cluster, given: Mapping[str, int]) -> dict[str, int]:
    for name, interval in given.items():
        if not SHORTEST_INTERVAL <= interval <= LONGEST_INTERVAL:
            raise WrongInput(
                f"Parameter 'data_collector_interval' of {shortened(name)}: {interval / _MICRO:.10g} seconds are not "
                f"between {SHORTEST_INTERVAL / _MICRO:g} and {LONGEST_INTERVAL / _MICRO:g}"
            )
    return _collectors("data_collector_interval", cluster.data_collector_interval, given)


def _directory(cluster: Cluster, path: str) -> str:
    del cluster
    return path.rstrip("/")


def _group_or_none(cluster: Cluster, given: str) -> str | None:
    del cluster
    return given or None


# How settings are derived that are not just replaced by the given value.
_MERGED: Mapping[str, Callable[[Cluster, Any], Any]] = {
    "enabled_hypervisors": _hypervisors,
    "enabled_disk_templates": _templates,
    "hvparams": lambda cluster, given: _tables("hvparams", HYPERVISOR_PARAMETERS, given, cluster.hvparams),
    "os_hvp": _by_os,
    "diskparams": lambda cluster, given: with_disk_parameters(given, cluster.diskparams),
    "beparams": _backend,
    "nicparams": lambda cluster, given: _table("nicparams", NicParameters, given, cluster.nicparams),
    "ndparams": lambda cluster, given: _table("ndparams", NodeParameters, given, cluster.ndparams),
    "ipolicy": lambda cluster, given: policy(cluster.ipolicy, given),
    "osparams": lambda cluster, given: _os_parameters("osparams", cluster.osparams, given),
    "osparams_private": lambda cluster, given: _os_parameters(
        "osparams_private_cluster", cluster.osparams_private, given
    ),
    "hidden_os": lambda cluster, given: _edited(cluster.hidden_os, given),
    "blacklisted_os": lambda cluster, given: _edited(cluster.blacklisted_os, given),
    "enabled_data_collectors": lambda cluster, given: _collectors(
        "enabled_data_collectors", cluster.enabled_data_collectors, given
    ),
    "data_collector_interval": _intervals,
    "vg_name": _group_or_none,
    "reserved_lvs": _expressions,
    "mac_prefix": lambda cluster, given: given.lower(),
    "file_storage_dir": _directory,
    "shared_file_storage_dir": _directory,
    "gluster_storage_dir": _directory,
    "uid_pool": lambda cluster, given: ordered(given, "Parameter 'uid_pool'"),
}
