# SPDX-License-Identifier: BSD-2-Clause
"""What can be read through the remote API: one row per resource ("Ganeti remote API")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from msgspec import Struct

from ganeti.declare.role import Role
from ganeti.declare.setting import settings_of
from ganeti.luxi.protocol import FilterRequest
from ganeti.model.entity import Entity
from ganeti.model.group import Group
from ganeti.model.kind import Kind
from ganeti.model.network import Network
from ganeti.model.node import Node


def _settings(cls: type[Entity]) -> tuple[str, ...]:
    return tuple(name for row in settings_of(cls) for name in row.columns)


COMMON = ("ctime", "mtime", "uuid", "serial_no", "tags")

INSTANCE_FIELDS = (
    "name",
    "admin_state",
    "os",
    "pnode",
    "snodes",
    "disk_template",
    "nic.ips",
    "nic.macs",
    "nic.modes",
    "nic.uuids",
    "nic.names",
    "nic.links",
    "nic.networks",
    "nic.networks.names",
    "nic.bridges",
    "network_port",
    "disk.sizes",
    "disk.spindles",
    "disk_usage",
    "disk.uuids",
    "disk.names",
    "beparams",
    "hvparams",
    "oper_state",
    "oper_ram",
    "oper_vcpus",
    "status",
    "custom_hvparams",
    "custom_beparams",
    "custom_nicparams",
    *COMMON,
)
NODE_FIELDS = (
    "name",
    "dtotal",
    "dfree",
    "sptotal",
    "spfree",
    "mtotal",
    "mnode",
    "mfree",
    "pinst_cnt",
    "sinst_cnt",
    "ctotal",
    "cnos",
    "cnodes",
    "csockets",
    "pip",
    "role",
    "pinst_list",
    "sinst_list",
    "group.uuid",
    *_settings(Node),
    *COMMON,
)
GROUP_FIELDS = (
    "name",
    "node_cnt",
    "node_list",
    *_settings(Group),
    *COMMON,
)
NETWORK_FIELDS = (
    "name",
    "network",
    *_settings(Network),
    "free_count",
    "reserved_count",
    "map",
    "group_list",
    "inst_list",
    "external_reservations",
    *COMMON,
)
FILTER_FIELDS = ("watermark", "priority", "predicates", "action", "reason_trail", "uuid")
JOB_FIELDS_BULK = ("id", "ops", "status", "summary", "opstatus", "received_ts", "start_ts", "end_ts")
JOB_FIELDS = (*JOB_FIELDS_BULK, "oplog", "opresult")
QUERYABLE = ("instance", "node", "group", "network", "job", "lock", "os", "filter")
# Features that clients check for before they use a newer form of a request, by the operation that has it.
FEATURES = {
    "instance-create-reqv1": "OP_INSTANCE_CREATE",
    "instance-reinstall-reqv1": "OP_INSTANCE_REINSTALL",
    "node-evac-res1": "OP_NODE_EVACUATE",
    "node-migrate-reqv1": "OP_NODE_MIGRATE",
}
ROLE_NAMES = {"M": "master", "C": "master-candidate", "R": "regular", "D": "drained", "O": "offline"}


@dataclass(frozen=True, slots=True)
class Collection:
    """``/2/<path>`` lists things of a kind, ``/2/<path>/<name>`` describes one; ``?bulk=1`` describes all.

    ``names``: columns of the short list besides the URI, by the name there. ``also``: columns that clients know by
    another name too, by that name. ``key``: the column that identifies an item.
    """

    kind: Kind
    fields: tuple[str, ...]
    names: tuple[str, ...] = ("id",)
    also: Mapping[str, str] = field(default_factory=dict)
    key: str = "name"

    @property
    def columns(self) -> dict[str, str]:
        """By the names used by clients."""
        return {**{name: name for name in self.fields}, **self.also}


COLLECTIONS = (
    Collection(Kind.INSTANCE, INSTANCE_FIELDS),
    Collection(Kind.NODE, NODE_FIELDS, also={"secondary_ip": "sip"}),
    Collection(Kind.GROUP, GROUP_FIELDS, names=("name", "id")),
    Collection(Kind.NETWORK, NETWORK_FIELDS, names=("name", "id")),
    Collection(Kind.FILTER, FILTER_FIELDS, names=("uuid",), key="uuid"),
)


class QueryBody(Struct, frozen=True, kw_only=True):
    """The body of a query."""

    fields: list[str]
    qfilter: list[Any] | None = None
    filter: list[Any] | None = None


class WaitBody(Struct, frozen=True, kw_only=True):
    """The body of waiting for a job."""

    fields: list[str]
    previous_job_info: list[Any] | None = None
    previous_log_serial: int | None = None


@dataclass(frozen=True, slots=True)
class Resource:
    """One method on one path that is not an operation.

    ``handler``: the method of ``ganeti.api.reader.Reader`` that answers; ``answer`` and ``body``: types, for
    OpenAPI; ``query``: what each parameter of the query string means.
    """

    method: str
    path: str
    handler: str
    summary: str
    answer: Any = Any
    role: Role = Role.READ
    query: Mapping[str, str] = field(default_factory=dict)
    body: type[Struct] | None = None
    collection: Collection | None = None

    @property
    def lists(self) -> bool:
        """Whether the length of the answer depends on the number of objects."""
        return self.handler in ("collect", "providers", "jobs", "query")


_BULK = {"bulk": "1 describes each"}
_REASON = {"reason": "Why; kept with the filter"}
_FIELDS = {"fields": "Names of columns, separated by commas"}


def _of(collection: Collection) -> tuple[Resource, ...]:
    noun, path = collection.kind.noun, f"/2/{collection.kind.path}"
    return (
        Resource("GET", path, "collect", f"List every {noun}", list[Any], query=_BULK, collection=collection),
        Resource("GET", f"{path}/{{name}}", "describe", f"Describe one {noun}", dict[str, Any], collection=collection),
    )


RESOURCES = (
    Resource("GET", "/", "nothing", "Nothing", None),
    Resource("GET", "/2", "nothing", "Nothing", None),
    Resource("GET", "/version", "version", "Version of the API", int),
    Resource("GET", "/2/features", "features", "Features of the API", list[str]),
    Resource("GET", "/2/openapi.json", "openapi", "This description", dict[str, Any]),
    Resource("GET", "/2/os", "providers", "Operating systems that can be installed on every node", list[str]),
    *(row for collection in COLLECTIONS for row in _of(collection)),
    Resource("POST", "/2/filters", "add_filter", "Add a filter; its UUID", str, Role.ADMIN, _REASON, FilterRequest),
    Resource(
        "PUT",
        "/2/filters/{name}",
        "replace_filter",
        "Replace a filter, or add it with this UUID; its UUID",
        str,
        Role.ADMIN,
        _REASON,
        FilterRequest,
    ),
    Resource("DELETE", "/2/filters/{name}", "delete_filter", "Delete a filter", None, Role.ADMIN),
    Resource("GET", "/2/nodes/{name}/role", "node_role", "Role of a node", str),
    Resource("GET", "/2/jobs", "jobs", "List jobs", list[Any], query=_BULK),
    Resource("GET", "/2/jobs/{job}", "job", "Describe a job", dict[str, Any]),
    Resource("DELETE", "/2/jobs/{job}", "cancel", "Cancel a job that has not started", list[Any], Role.OPERATE),
    Resource("GET", "/2/jobs/{job}/wait", "wait", "Wait for changes of a job", body=WaitBody),
    Resource(
        "GET",
        "/2/query/{what}",
        "query",
        f"Query columns of: {', '.join(QUERYABLE)}",
        dict[str, Any],
        query={**_FIELDS, "filter": "Which rows, as with the lists of the command line"},
    ),
    Resource(
        "PUT",
        "/2/query/{what}",
        "query",
        "As with GET, with fields and filter in a JSON object",
        dict[str, Any],
        query=_FIELDS,
        body=QueryBody,
    ),
    Resource(
        "GET", "/2/query/{what}/fields", "query_fields", "Columns that can be queried", dict[str, Any], query=_FIELDS
    ),
)
