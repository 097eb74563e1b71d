# SPDX-License-Identifier: BSD-2-Clause
"""Controllers that speak Redfish, over HTTPS (DMTF's DSP0266, and the schemas of DSP8010)."""

from __future__ import annotations

import base64
import http.client
import ssl
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import msgspec
from msgspec import Struct, field

from ganeti.errors import EnvironmentUnfit, ExecutionFailed, WrongInput
from ganeti.host.reasons import reason
from ganeti.node.oob.controllers import Action, Controller, Item

R = TypeVar("R")

_ROOT = "/redfish/v1/Systems"
_TIME = 20.0  # seconds, for each step of a connection
_LARGEST = 1024**2  # bytes of an answer
# What is requested: the first action that the controller supports.
_RESETS: dict[Action, Sequence[str]] = {
    "on": ("On", "ForceOn"),
    "off": ("ForceOff",),
    "cycle": ("PowerCycle", "ForceRestart"),
}
_STATUSES: dict[str | None, Any] = {"OK": "OK", "Warning": "WARNING", "Critical": "CRITICAL"}


class _Link(Struct, frozen=True):
    path: str = field(name="@odata.id")


class _Collection(Struct, frozen=True):
    members: list[_Link] = field(name="Members")


class _Status(Struct, frozen=True, rename="pascal"):
    health: str | None = None
    health_rollup: str | None = None
    state: str | None = None


class _Part(Struct, frozen=True, rename="pascal"):
    """A fan, a power supply, a sensor, or a summary of these; one without a status is not monitored."""

    name: str | None = None
    fan_name: str | None = None
    status: _Status | None = None


class _Reset(Struct, frozen=True):
    target: str
    values: list[str] = field(name="ResetType@Redfish.AllowableValues", default_factory=list)


class _Actions(Struct, frozen=True):
    reset: _Reset | None = field(name="#ComputerSystem.Reset", default=None)


class _Links(Struct, frozen=True, rename="pascal"):
    chassis: list[_Link] = []


class _System(Struct, frozen=True, rename="pascal"):
    power_state: str | None = None
    status: _Status | None = None
    processor_summary: _Part | None = None
    memory_summary: _Part | None = None
    actions: _Actions = _Actions()
    links: _Links = _Links()


class _Chassis(Struct, frozen=True, rename="pascal"):
    thermal: _Link | None = None
    power: _Link | None = None


class _Parts(Struct, frozen=True, rename="pascal"):
    """The lists of a Thermal or a Power resource."""

    temperatures: list[_Part] = []
    fans: list[_Part] = []
    power_supplies: list[_Part] = []


def power(controller: Controller, action: Action | None) -> bool:
    """A controller that was asked to switch off reports "on" for a while."""
    service = _Service(controller)
    path, system = service.system()
    if action:
        reset = system.actions.reset
        if reset is None:
            raise ExecutionFailed(f"{controller.address} has no action that switches {path}")
        known = [value for value in _RESETS[action] if value in reset.values] or [_RESETS[action][-1]]
        service.post(reset.target, {"ResetType": known[0]})
        _, system = service.system()
    if system.power_state not in ("On", "Off", "PoweringOn", "PoweringOff"):
        raise ExecutionFailed(f"{controller.address} says of the power of {path}: {system.power_state or 'nothing'}")
    return system.power_state in ("On", "PoweringOff")


def health(controller: Controller) -> list[Item]:
    service = _Service(controller)
    _, system = service.system()
    found = [_Part("System", status=system.status)]
    for name, summary in (("Processors", system.processor_summary), ("Memory", system.memory_summary)):
        if summary:
            found.append(_Part(name, status=summary.status))
    for link in system.links.chassis:
        chassis = service.get(link.path, _Chassis)
        for resource in (chassis.thermal, chassis.power):
            if resource:
                parts = service.get(resource.path, _Parts)
                found += [*parts.temperatures, *parts.fans, *parts.power_supplies]
    return list(_items(found))


def _items(parts: Sequence[_Part]) -> Iterator[Item]:
    for part in parts:
        name, status = part.name or part.fan_name, part.status
        if name and status and status.state != "Absent":
            yield name[:255], _STATUSES.get(status.health_rollup or status.health, "UNKNOWN")


class _Service:
    """The Redfish service of a controller. All its failures are raised as ExecutionFailed."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        given = f"{controller.user}:{controller.password}".encode()
        self._headers = {
            "Authorization": f"Basic {base64.b64encode(given).decode()}",
            "Accept": "application/json",
            "OData-Version": "4.0",
        }

    def system(self) -> tuple[str, _System]:
        """The system, with its path. Raises WrongInput if there is not exactly one, and none is configured."""
        if self._controller.system:
            path = f"{_ROOT}/{self._controller.system}"
            return path, self.get(path, _System)
        members = [member.path for member in self.get(_ROOT, _Collection).members]
        if len(members) != 1:
            names = ", ".join(path.rpartition("/")[2] for path in members) or "none"
            raise WrongInput(f"{self._controller.address} has {len(members)} systems: {names}; choose one by 'system'")
        return members[0], self.get(members[0], _System)

    def get(self, path: str, kind: type[R]) -> R:
        content = self._exchange("GET", path)
        try:
            return msgspec.json.decode(content, type=kind)
        except msgspec.MsgspecError as error:
            raise ExecutionFailed(f"What {self._controller.address} says of {path} is wrong: {error}") from None

    def post(self, path: str, body: dict[str, str]) -> None:
        self._exchange("POST", path, msgspec.json.encode(body))

    def _exchange(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """A new connection for each request: some controllers allow only a few, and drop idle ones."""
        address = self._controller.address
        if not path.startswith("/") or any(character <= " " for character in path):
            raise ExecutionFailed(f"{address} leads to '{path[:200]}', which is no path")
        connection = http.client.HTTPSConnection(
            address, self._controller.port or 443, timeout=_TIME, context=_context(self._controller)
        )
        headers = self._headers | ({"Content-Type": "application/json"} if body else {})
        try:
            connection.connect()
            self._ensure_it_is_meant(connection)
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            content = response.read(_LARGEST + 1)
        except (OSError, http.client.HTTPException) as error:
            raise ExecutionFailed(f"{address} cannot be asked over HTTPS: {reason(error)}") from None
        finally:
            connection.close()
        if len(content) > _LARGEST:
            raise ExecutionFailed(f"{address} answers more than {_LARGEST} bytes for {path}")
        if response.status >= 300:  # redirects are not followed
            raise ExecutionFailed(f"{address} answers {method} {path}: {response.status} {response.reason}")
        return content

    def _ensure_it_is_meant(self, connection: http.client.HTTPSConnection) -> None:
        """Check the certificate before the password is sent. Raises ExecutionFailed."""
        wanted = self._controller.fingerprint.replace(":", "").lower()
        if not wanted:
            return
        import hashlib  # noqa: PLC0415 - only here

        shown = hashlib.sha256(connection.sock.getpeercert(binary_form=True) or b"").hexdigest()
        if shown != wanted:
            raise ExecutionFailed(f"{self._controller.address} shows a certificate with the fingerprint {shown}")


def _context(controller: Controller) -> ssl.SSLContext:
    """Without a fingerprint, its certificate must be signed by a trusted CA. Raises EnvironmentUnfit."""
    try:
        context = ssl.create_default_context(cafile=controller.authority or None)
    except OSError as error:
        raise EnvironmentUnfit(f"{controller.authority}: {reason(error)}") from None
    if controller.fingerprint:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
