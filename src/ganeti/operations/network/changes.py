# SPDX-License-Identifier: BSD-2-Clause
"""Changes of a network, as ``gnt-network add`` and ``modify`` make them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any, TypeVar

from ganeti.declare.problems import Problems
from ganeti.declare.setting import with_given
from ganeti.errors import NotUnique, WrongInput
from ganeti.jobs.context import CheckContext
from ganeti.model.entity import evolve
from ganeti.model.instance import Instance
from ganeti.model.network import LARGEST, SMALLEST, Network
from ganeti.model.spans import bounds, numbers_of, spans_of

NONE = "none"  # removes a setting
_ADDED, _REMOVED = "add_reserved_ips", "remove_reserved_ips"

N = TypeVar("N", IPv4Network, IPv6Network, IPv4Address, IPv6Address)


def subnet(text: str) -> str:
    """The IPv4 subnet of a network. Raises WrongInput."""
    if not LARGEST <= int(text.partition("/")[2]) <= SMALLEST:
        raise WrongInput(
            f"Parameter 'network': the prefix of {text} must be from /{LARGEST} (65,536 addresses) to /{SMALLEST} (4)"
        )
    return _whole(_read(IPv4Network, text, "network", strict=False), text, "network")


def changed(
    network: Network, given: Mapping[str, Any], added: Iterable[str], removed: Iterable[str], problems: Problems
) -> Network:
    """The network with the settings of ``given``, and addresses reserved or released; problems are noted."""
    result = with_given(network, given, _MERGED, problems)
    return problems.attempt(lambda: _with_reservations(result, added, removed), result)


def ensure_instances_fit(cluster: CheckContext, network: Network) -> None:
    """Raise NotUnique or WrongInput if an instance has the address of the gateway, or one outside of the network."""
    state = cluster.state
    owners = {address: state.get(Instance, uuid).name for address, uuid in state.addresses_in(network).items()}
    for parameter, gateway in (("gateway", network.gateway), ("gateway6", network.gateway6)):
        if gateway in owners:
            raise NotUnique(f"Parameter '{parameter}': {gateway} is the address of instance {owners[gateway]}")
    if outside := sorted(f"{owners[address]} ({address})" for address in owners if not network.contains(address)):
        raise WrongInput(f"Parameter 'network6': these instances have addresses outside of it: {', '.join(outside)}")


def _with_reservations(network: Network, added: Iterable[str], removed: Iterable[str]) -> Network:
    kept = numbers_of(network.reserved)
    more, less = _numbers(network, added, _ADDED), _numbers(network, removed, _REMOVED)
    if both := spans_of(more & less):
        raise WrongInput(f"Parameters '{_ADDED}' and '{_REMOVED}': {', '.join(both)} stands in both")
    if absent := spans_of(less - kept):
        raise WrongInput(
            f"Parameter '{_REMOVED}': {', '.join(absent)} was not reserved by --add-reserved-ips; what is reserved "
            "besides, the gateway and the addresses of nodes among them, cannot be given up"
        )
    return evolve(network, reserved=spans_of((kept | more) - less))


def _numbers(network: Network, spans: Iterable[str], parameter: str) -> frozenset[int]:
    given = [*spans]
    lowest, highest = int(network.subnet.network_address), int(network.subnet.broadcast_address)
    for span in given:
        for end in span.split("-"):
            _read(IPv4Address, end, parameter)
        first, last = bounds(span)
        if last < first:
            raise WrongInput(f"Parameter '{parameter}': the range {span} ends before it begins")
        if first < lowest or last > highest:
            raise WrongInput(f"Parameter '{parameter}': {span} is not in {network.network}")
    return numbers_of(given)


def _read(kind: type[N], text: str, parameter: str, **how: bool) -> N:
    try:
        return kind(text, **how)
    except ValueError as error:
        raise WrongInput(f"Parameter '{parameter}': {error}") from None


def _whole(found: IPv4Network | IPv6Network, text: str, parameter: str) -> str:
    """Raise WrongInput if the host bits of a subnet are set."""
    address = text.partition("/")[0]
    if type(found.network_address)(address) != found.network_address:
        raise WrongInput(f"Parameter '{parameter}': {address} is an address within the subnet {found}; give that")
    return str(found)


def _subnet6(text: str) -> str:
    return _whole(_read(IPv6Network, text, "network6", strict=False), text, "network6")


def _optional(read: Callable[[str], str]) -> Callable[[Network, str], str | None]:
    return lambda network, given: None if given == NONE else read(given)


# How settings are derived from what is given.
_MERGED: Mapping[str, Callable[[Network, Any], Any]] = {
    "gateway": _optional(lambda text: str(_read(IPv4Address, text, "gateway"))),
    "network6": _optional(_subnet6),
    "gateway6": _optional(lambda text: str(_read(IPv6Address, text, "gateway6"))),
    "mac_prefix": _optional(str.lower),
}
