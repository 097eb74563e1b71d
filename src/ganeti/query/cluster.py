# SPDX-License-Identifier: BSD-2-Clause
"""The columns of the cluster, of which there is one row. Names, titles and kinds are Ganeti's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganeti.declare.field import BOOL, NUMBER, OTHER, TEXT, TIMESTAMP, FieldKind
from ganeti.query.column import Column, Columns, column

# Its values, by the names of the columns.
Row = Mapping[str, Any]


def _column(name: str, title: str, kind: FieldKind, doc: str) -> Column[Row]:
    return column(name, title, kind, doc, lambda row: row[name])


CLUSTER: Columns[Row] = Columns(
    [
        _column("name", "Name", TEXT, "Name of the cluster"),
        _column("cluster_name", "Name", TEXT, "Name of the cluster"),
        _column("master_node", "Master", TEXT, "Name of the master node"),
        _column("term", "Term", NUMBER, "Number of the term of the master"),
        _column("volume_group_name", "VgName", TEXT, "Name of the volume group"),
        _column("drain_flag", "QueueDrained", BOOL, "Whether the job queue is drained"),
        _column("watcher_pause", "WatcherPause", TIMESTAMP, "Until when the watcher is paused"),
        _column("architecture", "ArchInfo", OTHER, "Architecture of the master node"),
        _column("software_version", "SoftwareVersion", TEXT, "Version of the software"),
        _column("vcs_version", "VCSVersion", TEXT, "Version of its source"),
        _column("protocol_version", "ProtocolVersion", NUMBER, "Version of the calls to nodes"),
        _column("config_version", "ConfigVersion", NUMBER, "Version of the stored configuration"),
        _column("os_api_version", "OsApiVersion", NUMBER, "Version of the interface of OS providers"),
        _column("export_version", "ExportVersion", NUMBER, "Version of the form of exports"),
        _column("ctime", "CTime", TIMESTAMP, "Creation time"),
        _column("mtime", "MTime", TIMESTAMP, "Modification time"),
        _column("tags", "Tags", OTHER, "Tags"),
    ]
)
