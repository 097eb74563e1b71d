# SPDX-License-Identifier: BSD-2-Clause
"""Disk URIs in QEMU's syntax (qemu(1), "-drive file="), converted to options of a block device. Pure."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from ganeti.declare.text import shortened
from ganeti.errors import WrongInput

Options = dict[str, Any]


def of_uri(uri: str) -> Options:
    """Raises WrongInput for an invalid or unknown one."""
    scheme = uri.partition(":")[0]
    try:
        return _READERS[scheme](uri)
    except (KeyError, ValueError):
        known = ", ".join(f"{name}:" for name in _READERS)
        raise WrongInput(f"The address '{shortened(uri)}' of a disk cannot be read; known are {known}") from None


def _file(uri: str) -> Options:
    return {"driver": "file", "filename": _some(uri.removeprefix("file:"))}


def _json(uri: str) -> Options:
    options = json.loads(uri.removeprefix("json:"))
    if not isinstance(options, dict) or "driver" not in options:
        raise ValueError
    return options


def _rbd(uri: str) -> Options:
    """``rbd:[POOL/[NAMESPACE/]]IMAGE[:id=USER][:conf=FILE]``; a backslash escapes the next character."""
    place, *given = (_unescaped(part) for part in re.split(r"(?<!\\):", uri.removeprefix("rbd:")))
    *pool, image = place.split("/")
    options: Options = {"driver": "rbd", "pool": pool[0] if pool else "rbd", "image": _some(image)}
    if pool[1:]:
        (options["namespace"],) = pool[1:]
    for pair in given:
        name, _, value = pair.partition("=")
        options[_OF_RBD[name]] = _some(value)
    return options


_OF_RBD = {"id": "user", "conf": "conf"}


def _nbd(uri: str) -> Options:
    """``nbd:unix:PATH[:exportname=NAME]``, ``nbd:HOST:PORT[:...]``, or with two slashes as a URL."""
    if uri.startswith(("nbd://", "nbd+unix://")):
        return _nbd_url(urlsplit(uri))
    place, _, export = uri.removeprefix("nbd:").partition(":exportname=")
    if place.startswith("unix:"):
        server = {"type": "unix", "path": _some(place.removeprefix("unix:"))}
    else:
        host, _, port = place.rpartition(":")
        server = {"type": "inet", "host": _some(host.strip("[]")), "port": str(int(port))}
    return {"driver": "nbd", "server": server} | ({"export": export} if export else {})


def _nbd_url(url: SplitResult) -> Options:
    if url.scheme == "nbd+unix":
        server = {"type": "unix", "path": parse_qs(url.query)["socket"][0]}
    else:
        server = {"type": "inet", "host": _some(url.hostname), "port": str(url.port or _NBD_PORT)}
    export = unquote(url.path.removeprefix("/"))
    return {"driver": "nbd", "server": server} | ({"export": export} if export else {})


_NBD_PORT = 10809


def _gluster(uri: str) -> Options:
    """``gluster[+tcp]://HOST[:PORT]/VOLUME/PATH`` or ``gluster+unix:///VOLUME/PATH?socket=PATH``."""
    url = urlsplit(uri)
    volume, _, path = unquote(url.path.removeprefix("/")).partition("/")
    if url.scheme == "gluster+unix":
        server = {"type": "unix", "path": parse_qs(url.query)["socket"][0]}
    else:
        server = {"type": "inet", "host": _some(url.hostname), "port": str(url.port or _GLUSTER_PORT)}
    return {"driver": "gluster", "volume": _some(volume), "path": _some(path), "server": [server]}


_GLUSTER_PORT = 24007


def _iscsi(uri: str) -> Options:
    """``iscsi://[USER%PASSWORD@]HOST[:PORT]/TARGET/LUN``."""
    url = urlsplit(uri)
    user, _, password = unquote(url.username or "").partition("%")
    target, _, lun = url.path.removeprefix("/").rpartition("/")
    portal = f"{_some(url.hostname)}:{url.port}" if url.port else _some(url.hostname)
    where = {"transport": "tcp", "portal": portal, "target": _some(unquote(target)), "lun": int(lun)}
    return {"driver": "iscsi", **where} | ({"user": user, "password": password} if user else {})


def _some(text: str | None) -> str:
    if not text:
        raise ValueError
    return text


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


_READERS = {
    "file": _file,
    "json": _json,
    "rbd": _rbd,
    "nbd": _nbd,
    "nbd+unix": _nbd,
    "gluster": _gluster,
    "gluster+tcp": _gluster,
    "gluster+unix": _gluster,
    "iscsi": _iscsi,
}
