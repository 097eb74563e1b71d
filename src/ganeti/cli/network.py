# SPDX-License-Identifier: BSD-2-Clause
"""``gnt-network`` beyond single operations."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ganeti.cli import follow
from ganeti.cli.listing import field_lister, lister
from ganeti.cli.names import full_names
from ganeti.cli.options import PREVIEW, PRIORITY
from ganeti.cli.runnable import Local, modified, presented
from ganeti.cli.session import Session
from ganeti.declare.command import Argument, Command, Option
from ganeti.errors import EXIT_FAILURE
from ganeti.luxi.protocol import Method
from ganeti.model.parameters import overrides
from ganeti.model.parameters.network import NicParameters
from ganeti.operations.network.modify import NetworkModify
from ganeti.operations.network.subject import NETWORK_ARGUMENT
from ganeti.query.filter import names_filter
from ganeti.query.network import DEFAULT

MODIFY = presented(NetworkModify, modified("network", "network_name"))


def groups_in_words(groups: Sequence[Sequence[str]]) -> str:
    """``default (bridged, br0, )``: name, mode, link and VLAN of each."""
    return ", ".join(f"{name} ({mode}, {link}, {vlan})" for name, mode, link, vlan in groups)


LIST = lister("gnt-network", "network", DEFAULT, {"group_list": groups_in_words})
LIST_FIELDS = field_lister("gnt-network", "network")

_GROUPS = Argument("groups", "Names of the node groups; all if none is named", "*", completes="group")


def _connect(session: Session, values: dict[str, Any]) -> int:
    given = overrides(NicParameters, values.get("nicparams") or {}, {}, "--nic-parameters")
    cluster = session.client.call(Method.QUERY_CLUSTER_INFO)
    merged = {**cluster["nicparams"]["default"], **given}
    parameters = {f"network_{name}": merged[name] for name in ("mode", "link", "vlan")}
    return _in_each_group(session, "OP_NETWORK_CONNECT", {**parameters, "conflicts_check": values["conflicts_check"]})


CONNECT = Local(
    Command(
        "gnt-network",
        "connect",
        (NETWORK_ARGUMENT, _GROUPS),
        (
            Option(
                ("-N", "--nic-parameters"),
                "NIC parameters in these node groups; by default the cluster's",
                kind="keyval",
                name="nicparams",
                metavar="KEY=VALUE,...",
                completes="NIC parameter",
            ),
            Option(
                ("--no-conflicts-check",),
                "Skip the check that no instance of the group has one of its addresses without being in it",
                kind="no-flag",
                name="conflicts_check",
                default=True,
            ),
            PREVIEW,
            PRIORITY,
        ),
        usage="[-N KEY=VALUE,...] <network> [<group>...]",
    ),
    "Connect a network to node groups, so that their instances can have NICs in it.",
    _connect,
)


def _disconnect(session: Session, values: dict[str, Any]) -> int:
    del values
    return _in_each_group(session, "OP_NETWORK_DISCONNECT", {})


DISCONNECT = Local(
    Command(
        "gnt-network",
        "disconnect",
        (NETWORK_ARGUMENT, _GROUPS),
        (PREVIEW, PRIORITY),
        usage="<network> [<group>...]",
    ),
    "Disconnect a network from node groups. No instance there may be using it.",
    _disconnect,
)


def _in_each_group(session: Session, wire_name: str, parameters: Mapping[str, Any]) -> int:
    """A job for each named node group, or for all; all are resolved before the first is submitted."""
    (network,) = full_names(session, "network", [session.values["network_name"]])
    named = full_names(session, "group", session.values["groups"])
    groups = named or [name for (name,) in session.query("group", ["name"])]
    common = {**parameters, "network_name": network, "dry_run": bool(session.values.get("dry_run"))}
    each = [(f"node group {group}", {**common, "group_name": group}) for group in groups]
    jobs = follow.submit_each(session, wire_name, each)
    if len(jobs) == 1:
        follow.follow(session, jobs[0][0])
        return 0
    return 0 if follow.follow_each(session, jobs) else EXIT_FAILURE


_FIELDS = (
    "name",
    "uuid",
    "serial_no",
    "network",
    "gateway",
    "network6",
    "gateway6",
    "mac_prefix",
    "free_count",
    "map",
    "external_reservations",
    "group_list",
    "inst_list",
)
_PER_LINE = 64  # addresses of the map
_WIDTH = 64  # characters of a line of addresses


def _info(session: Session, values: dict[str, Any]) -> int:
    names = full_names(session, "network", values.get("names") or [])
    for row in session.query("network", list(_FIELDS), names_filter(names)):
        network = dict(zip(_FIELDS, row, strict=True))
        cards = _cards(session, network["inst_list"])
        session.say("\n".join(described(network, cards)))
    return 0


def _cards(session: Session, instances: Sequence[str]) -> list[list[Any]]:
    """For each instance its name, and the addresses and networks of its NICs."""
    if not instances:
        return []
    return session.query("instance", ["name", "nic.ips", "nic.networks.names"], names_filter(instances))


def described(network: Mapping[str, Any], cards: Sequence[Sequence[Any]]) -> Iterator[str]:
    """Lines that scripts parse: labels and indentation are Ganeti's."""
    size, free = len(network["map"]), network["free_count"]
    yield f"Network name: {network['name']}"
    yield f"UUID: {network['uuid']}"
    yield f"Serial number: {network['serial_no']}"
    yield f"  Subnet: {network['network']}"
    yield f"  Gateway: {network['gateway']}"
    yield f"  IPv6 Subnet: {network['network6']}"
    yield f"  IPv6 Gateway: {network['gateway6']}"
    yield f"  Mac Prefix: {network['mac_prefix']}"
    yield f"  Size: {size}"
    yield f"  Free: {free} ({100 * free / size:.2f}%)"
    yield "  Usage map:"
    for start in range(0, size, _PER_LINE):
        part = network["map"][start : start + _PER_LINE]
        yield f"    {start:5} {part.ljust(_PER_LINE)} {start + _PER_LINE - 1}"
    yield "         (X) used    (.) free"
    yield "  externally reserved IPs:"
    yield from (f"    {line}" for line in textwrap.wrap(network["external_reservations"], _WIDTH))
    yield from _groups(network["group_list"])
    yield from _instances(network["name"], cards)


def _groups(groups: Sequence[Sequence[str]]) -> Iterator[str]:
    if not groups:
        yield "  not connected to any node group"
        return
    yield "  connected to node groups:"
    for name, mode, link, vlan in groups:
        yield f"    {name} (mode:{mode} link:{link} vlan:{vlan})"


def _instances(network: str, cards: Sequence[Sequence[Any]]) -> Iterator[str]:
    if not cards:
        yield "  not used by any instances"
        return
    yield f"  used by {len(cards)} instances:"
    for name, addresses, networks in cards:
        own = [f"{index}:{ip}" for index, (ip, of) in enumerate(zip(addresses, networks, strict=True)) if of == network]
        yield f"    {name}: {', '.join(own)}"


INFO = Local(
    Command(
        "gnt-network",
        "info",
        (Argument("names", "Names of the networks; all if none is named", "*", completes="network"),),
        usage="[<network>...]",
    ),
    "Show detailed information about networks.",
    _info,
)
