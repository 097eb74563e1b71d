# SPDX-License-Identifier: BSD-2-Clause
"""The way back to formats that earlier versions of the software read, where nothing is lost by it.

What a format has brought, older software would take for something else; as long as there is none of it, the records are
the same in both. Decision 52 says why nothing is converted that loses something.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from ganeti.config.store import FORMAT, Store
from ganeti.errors import StoreFailed
from ganeti.model.kind import Kind
from ganeti.rpc.contract.store import Position, Record

_Bodies = dict[Kind, list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class _Brought:
    """What a format has that the one before it does not know. ``found``: names, in the stored objects."""

    found: Callable[[_Bodies], list[str]]
    why: str = ""
    how: str = ""


# By format. Format 2 only refuses values that format 1 had.
BROUGHT: dict[int, _Brought] = {
    2: _Brought(lambda bodies: []),
    3: _Brought(
        lambda bodies: [body["name"] for body in bodies[Kind.NETWORK]],
        "knows no networks, and would connect NICs that are in one to the cluster's default bridge",
        "take NICs out of them ('gnt-instance modify --net'), then 'gnt-network disconnect' and 'gnt-network remove'",
    ),
    4: _Brought(
        lambda bodies: [body["name"] for body in bodies[Kind.INSTANCE] if body.get("forthcoming")],
        "knows no forthcoming instances, and would take them for some whose disks are lost",
        "create them ('gnt-instance add --commit') or give them up ('gnt-instance remove')",
    ),
    5: _Brought(
        lambda bodies: [body["name"] for kind in (Kind.CLUSTER, Kind.INSTANCE) for body in bodies[kind] if _of_5(body)],
        "knows neither limits of disks nor a CPU model of the group, and starts no guest with that",
        "take them away ('--disk N:iops=0,bps=0', '-H cpu_type=default')",
    ),
}


def _of_5(body: Mapping[str, Any]) -> bool:
    """Whether a cluster or an instance has a CPU model of the group, or limits of disks."""
    layers = [body.get("hvparams", {}), *body.get("hvparams", {}).values()]
    layers += [layer for layered in body.get("os_hvp", {}).values() for layer in layered.values()]
    models = [str(layer.get("cpu_type", "")) for layer in layers if isinstance(layer, dict)]
    limits = [disk.get("limits") for disk in body.get("disks", [])]
    return any(limits) or any(model.partition(",")[0] == "group" for model in models)


def in_the_way(store: Store, form: int) -> list[str]:
    """Why a state cannot go back to an older format, with the names of all objects that are in the way."""
    bodies = {
        kind: [_body(record) for record in store.load(kind)] for kind in (Kind.CLUSTER, Kind.NETWORK, Kind.INSTANCE)
    }
    formats = range(store.position().format, form, -1)
    found = [(one, BROUGHT[one], BROUGHT[one].found(bodies)) for one in formats]
    return [
        f"Software of format {one - 1} {brought.why}: {', '.join(names)}. To go back, {brought.how}"
        for one, brought, names in found
        if names
    ]


async def go_back(store: Store, form: int) -> bool:
    """Convert the state to an older format; returns whether there was something to do.

    Raises StoreFailed if something would be lost, if this version does not know its format, or if writing fails; the
    state is unchanged then.
    """
    position = store.position()
    if position.format <= form:
        return False
    if position.format > FORMAT:
        raise StoreFailed(f"The cluster's state has format {position.format}, this version knows up to {FORMAT}")
    if problems := in_the_way(store, form):
        raise StoreFailed("\n".join(["The cluster's state cannot go back to an older format.", *problems]))
    await store.replace(Position(form, position.revision + 1), store.all())
    return True


def _body(record: Record) -> dict[str, Any]:
    """One that cannot be read is named by its key, and stays as it is."""
    try:
        return {"name": record.key, **msgspec.json.decode(record.body, type=dict[str, Any])}
    except msgspec.MsgspecError:
        return {"name": record.key}
