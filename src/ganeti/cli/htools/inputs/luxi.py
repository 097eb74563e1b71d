# SPDX-License-Identifier: BSD-2-Clause
"""``-L``: the master daemon of this machine, over its socket."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ganeti.cli.htools.inputs.live import GROUP_FIELDS, INSTANCE_FIELDS, NODE_FIELDS, Cluster, LiveRow, build
from ganeti.errors import GanetiError, WrongInput
from ganeti.host.paths import Paths
from ganeti.luxi.client import Client
from ganeti.luxi.protocol import Method
from ganeti.placement.text import Parsed

_NORMAL = 0  # the status of a cell that has a value


def client(socket: str) -> Client:
    """``socket`` empty: the default one."""
    return Client(Path(socket) if socket else Paths.from_environment().master_socket)


def load(socket: str, node_memory: int | None) -> Parsed:
    """Raises WrongInput, also if the master daemon does not answer."""
    master = client(socket)
    try:
        info = master.call(Method.QUERY_CLUSTER_INFO)
        cluster = Cluster(
            groups=_rows(master, "group", GROUP_FIELDS),
            nodes=_rows(master, "node", NODE_FIELDS),
            instances=_rows(master, "instance", INSTANCE_FIELDS),
            tags=info.get("tags") or [],
            policy=info.get("ipolicy"),
            hypervisor=info.get("default_hypervisor") or "",
            templates=info.get("enabled_disk_templates") or [],
        )
    except WrongInput:
        raise
    except GanetiError as error:
        raise WrongInput(error.message) from None
    finally:
        master.close()
    return build(cluster, node_memory)


def _rows(master: Client, what: str, fields: tuple[str, ...]) -> list[LiveRow]:
    table: dict[str, Any] = master.call(Method.QUERY, what, list(fields), None)
    return [
        {field: value if status == _NORMAL else None for field, (status, value) in zip(fields, cells, strict=True)}
        for cells in table["data"]
    ]
