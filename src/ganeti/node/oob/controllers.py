# SPDX-License-Identifier: BSD-2-Clause
"""Access to the management controllers of nodes: a file that only root can read, since it contains passwords."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

import msgspec
from msgspec import Meta, Struct

from ganeti.errors import EnvironmentUnfit, WrongInput

Item = tuple[str, Literal["OK", "WARNING", "CRITICAL", "UNKNOWN"]]
Action = Literal["on", "off", "cycle"]

_LARGEST = 1024**2  # bytes
_FOR_OTHERS = 0o077

_Text = Annotated[str, Meta(min_length=1, max_length=4096)]


class Controller(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``address`` may hold ``{name}``, the name of the node, and ``{short}``, that without its domain.

    ``interface``: of IPMI. ``system``: which one, for a Redfish service with several. ``authority``: a file with the
    CA certificates that are trusted for the service; ``fingerprint``: that of its certificate, SHA-256.
    """

    address: _Text
    user: _Text
    password: Annotated[str, Meta(max_length=4096)]
    port: Annotated[int, Meta(ge=1, le=65535)] | None = None
    interface: Literal["lanplus", "lan"] = "lanplus"
    system: str = ""
    authority: str = ""
    fingerprint: Annotated[str, Meta(pattern=r"^([0-9A-Fa-f]{2}(:?[0-9A-Fa-f]{2}){31})?\Z")] = ""


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    """Settings for all nodes, and for some, by their names."""

    defaults: dict[str, Any] = {}
    nodes: dict[str, dict[str, Any]] = {}


class Driver(Protocol):
    """The module of a kind of controller. Its functions raise GanetiError."""

    def power(self, controller: Controller, action: Action | None) -> bool:
        """Change the power state if an action is given; whether it is on. The action may take effect later."""
        ...

    def health(self, controller: Controller) -> list[Item]: ...


def controller_of(path: Path, node: str) -> Controller:
    """Raises EnvironmentUnfit if the file cannot be used, WrongInput for what is wrong in it."""
    file = _read(path)
    given = {**file.defaults, **file.nodes.get(node, {})}
    try:
        controller = msgspec.convert(given, Controller)
    except msgspec.ValidationError as error:
        raise WrongInput(f"{path}: of node {node}: {error}") from None
    address = controller.address.replace("{name}", node).replace("{short}", node.partition(".")[0])
    return msgspec.structs.replace(controller, address=address)


def _read(path: Path) -> _File:
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if status.st_uid != os.geteuid() or status.st_mode & _FOR_OTHERS:
                raise EnvironmentUnfit(f"{path} has passwords: it must belong to root and have mode 600")
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise EnvironmentUnfit(f"{path}, which tells of management controllers: {error.strerror}") from None
    if len(content) > _LARGEST:
        raise EnvironmentUnfit(f"{path} is larger than {_LARGEST} bytes")
    try:
        return msgspec.convert(tomllib.loads(content.decode()), _File)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise WrongInput(f"{path}: {error}") from None
