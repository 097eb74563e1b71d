# SPDX-License-Identifier: BSD-2-Clause
"""What can be read through the remote API: paths, and the columns that each returns ("Ganeti remote API")."""

from __future__ import annotations

from dataclasses import dataclass

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
    "offline",
    "master_candidate",
    "drained",
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
    "sip",
    "role",
    "pinst_list",
    "sinst_list",
    "master_capable",
    "vm_capable",
    "ndparams",
    "group.uuid",
    *COMMON,
)
GROUP_FIELDS = (
    "alloc_policy",
    "name",
    "node_cnt",
    "node_list",
    "ipolicy",
    "custom_ipolicy",
    "diskparams",
    "custom_diskparams",
    "ndparams",
    "custom_ndparams",
    *COMMON,
)
JOB_FIELDS_BULK = ("id", "ops", "status", "summary", "opstatus", "received_ts", "start_ts", "end_ts")
JOB_FIELDS = (*JOB_FIELDS_BULK, "oplog", "opresult")


@dataclass(frozen=True, slots=True)
class Collection:
    """``/2/<path>`` lists things, ``/2/<path>/<name>`` describes one; ``?bulk=1`` describes all.

    ``what`` is its kind for queries, ``kind`` for tags.
    """

    path: str
    what: str
    fields: tuple[str, ...]
    noun: str
    kind: str


COLLECTIONS = (
    Collection("instances", "instance", INSTANCE_FIELDS, "instance", "instance"),
    Collection("nodes", "node", NODE_FIELDS, "node", "node"),
    Collection("groups", "group", GROUP_FIELDS, "node group", "nodegroup"),
)
# (path, kind, noun) of what has tags, and (method, what it does, operation) of what changes them.
TAGGED = (
    ("/2/tags", "cluster", "the cluster"),
    *((f"/2/{it.path}/{{name}}/tags", it.kind, f"one {it.noun}") for it in COLLECTIONS),
)
TAG_CHANGES = (
    ("PUT", "Add to the tags", "OP_TAGS_SET"),
    ("DELETE", "Remove from the tags", "OP_TAGS_DEL"),
)
FEATURES = ("instance-create-reqv1", "instance-reinstall-reqv1", "node-evac-res1", "node-migrate-reqv1")
ROLE_NAMES = {"M": "master", "C": "master-candidate", "R": "regular", "D": "drained", "O": "offline"}
QUERYABLE = ("instance", "node", "group", "job", "lock", "os")
