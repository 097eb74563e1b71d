# SPDX-License-Identifier: BSD-2-Clause
"""Command line syntax for the parts of an instance (gnt-instance(8), "add")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ganeti.errors import WrongInput

_MOST = 64  # disks or NICs
_ACTIONS = ("add", "remove")  # without a number the last one is meant


def create_parameters(values: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of OP_INSTANCE_CREATE from the flags and arguments of ``gnt-instance add``."""
    parameters = _parameters(values)
    if parameters["no_nics"] and parameters.get("commit"):
        raise WrongInput("--no-nics and --commit are mutually exclusive: network cards were reserved, or none")
    if not parameters["no_nics"]:
        parameters["nics"] = parameters["nics"] or [{}]
    return {**parameters, "mode": "create"}


def import_parameters(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same from those of ``gnt-backup import``: what is not given is in the export."""
    return _parameters(values)


def _parameters(values: Mapping[str, Any]) -> dict[str, Any]:
    parameters = dict(values)
    pnode, _, snode = (parameters.pop("node", None) or "").partition(":")
    hypervisor, hvparams = parameters.pop("hypervisor_and_parameters", None) or (None, {})
    size = parameters.pop("os_size", None)
    tags = parameters.pop("tag_list", None)
    without = bool(parameters.pop("no_nics", False))
    if without and parameters.get("nics"):
        raise WrongInput("--no-nics and --net are mutually exclusive")
    return {
        **parameters,
        "disks": _disks(parameters.pop("disks", None) or [], size, parameters.get("disk_template")),
        "nics": numbered(parameters.pop("nics", None) or [], "--net"),
        "no_nics": without,
        "pnode": pnode or None,
        "snode": snode or None,
        "hypervisor": hypervisor,
        "hvparams": hvparams,
        "tags": tags or [],
    }


def numbered(items: Sequence[tuple[str, dict[str, Any]]], flag: str) -> list[dict[str, Any]]:
    """``[("0", {...}), ("2", {...})]`` as a list, with an empty number 1."""
    found: dict[int, dict[str, Any]] = {}
    for ident, values in items:
        if not ident.isdecimal() or int(ident) >= _MOST:
            raise WrongInput(f"{flag} {ident}: begin with a number from 0 to {_MOST - 1}, such as 0:key=value")
        if int(ident) in found:
            raise WrongInput(f"{flag}: number {ident} is given twice")
        found[int(ident)] = values
    return [found.get(index, {}) for index in range(max(found, default=-1) + 1)]


def changes_of(items: Sequence[tuple[str, dict[str, Any]]], flag: str) -> list[list[Any]]:
    """``add:ip=pool``, ``-1:add,ip=pool``, ``0:ip=none``, ``eth0:modify,ip=none``, ``1:remove``.

    Each as [action, number or name, values].
    """
    return [_change(ident, values, flag) for ident, values in items]


def _change(ident: str, values: Mapping[str, Any], flag: str) -> list[Any]:
    if ident in _ACTIONS:
        return [ident, -1, dict(values)]
    actions = [name for name in (*_ACTIONS, "modify") if values.get(name) is True]
    if len(actions) > 1:
        raise WrongInput(f"{flag} {ident}: give one of {', '.join(actions)}")
    number = int(ident) if ident.removeprefix("-").isdecimal() else ident
    return [actions[0] if actions else "modify", number, {k: v for k, v in values.items() if k not in actions}]


def _disks(items: Sequence[tuple[str, dict[str, Any]]], size: Any, template: str | None) -> list[dict[str, Any]]:
    if items and size is not None:
        raise WrongInput("--disk and --os-size are mutually exclusive")
    if template == "diskless" and (items or size is not None):
        raise WrongInput("A diskless instance has no disks, so --disk and --os-size cannot be used")
    if size is not None:
        return [{"size": size}]
    return numbered(items, "--disk")
