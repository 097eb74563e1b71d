# SPDX-License-Identifier: BSD-2-Clause
"""``-m``: the remote API of a cluster of this software or Ganeti."""

from __future__ import annotations

import base64
import ssl
import urllib.error
import urllib.request
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

from ganeti.cli.given_file import read_given
from ganeti.cli.htools.inputs.live import Cluster, build
from ganeti.errors import WrongInput
from ganeti.placement.text import Parsed

_PORT = 5080
_FILES = "file://"
_PATIENCE = 60.0  # seconds
_EXAMPLE = f"https://USER:PASSWORD@HOST:{_PORT}"


def load(address: str, node_memory: int | None) -> Parsed:
    """``address`` is a host, a URL that may hold a user and a password, or ``file://`` with a directory.

    The directory contains the responses of an API: ``info.json`` and so on. Raises WrongInput.
    """
    get = _Directory(address).get if address.startswith(_FILES) else _Api(address).get
    info = get("info")
    cluster = Cluster(
        groups=get("groups"),
        nodes=get("nodes"),
        instances=get("instances"),
        tags=info.get("tags") or [],
        policy=info.get("ipolicy"),
        hypervisor=info.get("default_hypervisor") or "",
        templates=info.get("enabled_disk_templates") or [],
    )
    return build(cluster, node_memory)


class _Directory:
    def __init__(self, address: str) -> None:
        self._path = Path(address.removeprefix(_FILES))

    def get(self, resource: str) -> Any:
        path = self._path / f"{resource}.json"
        try:
            return msgspec.json.decode(read_given(path))
        except OSError as error:
            raise WrongInput(f"{path}: {error.strerror}") from None
        except msgspec.DecodeError as error:
            raise WrongInput(f"{path}: {error}") from None


class _Api:
    def __init__(self, address: str) -> None:
        parts = urlsplit(address if ":" in address else f"https://{address}:{_PORT}")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise WrongInput(f"-m '{address}': is neither the name of a host nor a URL like {_EXAMPLE}")
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        self._base = f"{parts.scheme}://{host}:{parts.port or _PORT}"
        self._headers = {"Accept": "application/json"}
        if parts.username:
            secret = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self._headers["Authorization"] = "Basic " + base64.b64encode(secret.encode()).decode()

    def get(self, resource: str) -> Any:
        """The certificate is the cluster's own, from no public CA; as with Ganeti's tools, it is not verified."""
        path = f"/2/{resource}" if resource == "info" else f"/2/{resource}?bulk=1"
        request = urllib.request.Request(self._base + path, headers=self._headers)  # noqa: S310 - http(s), see above
        context = ssl._create_unverified_context()  # noqa: S323 - see above
        try:
            with urllib.request.urlopen(request, timeout=_PATIENCE, context=context) as answer:  # noqa: S310
                return msgspec.json.decode(answer.read())
        except urllib.error.HTTPError as error:
            hint = f"; name a user that it knows, as in {_EXAMPLE}" if error.code == HTTPStatus.UNAUTHORIZED else ""
            raise WrongInput(f"{self._base}{path}: {error.code} {error.reason}{hint}") from None
        except (OSError, msgspec.DecodeError) as error:
            reason = getattr(error, "reason", error)
            raise WrongInput(f"{self._base}{path}: {reason}") from None
