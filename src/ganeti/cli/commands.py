# SPDX-License-Identifier: BSD-2-Clause
"""Every sub-command of every script, and its implementation: an operation, or a Local in a module here.

Modules are imported when their command is run, so that a command starts fast.
"""

from __future__ import annotations

from importlib import import_module

from ganeti.cli.runnable import Local, OperationCommand, Runnable

COMMANDS: dict[str, dict[str, str]] = {
    "gnt-cluster": {
        "activate-master-ip": "OP_CLUSTER_ACTIVATE_MASTER_IP",
        "add-tags": "OP_TAGS_SET",
        "command": "node_commands:COMMAND",
        "copyfile": "node_commands:COPYFILE",
        "deactivate-master-ip": "OP_CLUSTER_DEACTIVATE_MASTER_IP",
        "destroy": "cluster:DESTROY",
        "epo": "epo:EPO",
        "getmaster": "cluster:GETMASTER",
        "info": "cluster:INFO",
        "init": "cluster_init:INIT",
        "list-tags": "OP_TAGS_GET",
        "master-failover": "master:MASTER_FAILOVER",
        "master-ping": "master:MASTER_PING",
        "modify": "OP_CLUSTER_SET_PARAMS",
        "queue": "cluster:QUEUE",
        "redist-conf": "OP_CLUSTER_REDIST_CONF",
        "remove-tags": "OP_TAGS_DEL",
        "rename": "OP_CLUSTER_RENAME",
        "renew-crypto": "OP_CLUSTER_RENEW_CRYPTO",
        "repair-disk-sizes": "disk_sizes:REPAIR_DISK_SIZES",
        "search-tags": "OP_TAGS_SEARCH",
        "show-ispecs-cmd": "cluster:SHOW_ISPECS",
        "upgrade": "upgrade:UPGRADE",
        "verify": "cluster:VERIFY",
        "verify-disks": "verify_disks:VERIFY_DISKS",
        "version": "cluster:VERSION",
        "watcher": "watcher:WATCHER",
    },
    "gnt-node": {
        "add": "node_add:ADD",
        "add-tags": "OP_TAGS_SET",
        "evacuate": "node_moves:EVACUATE",
        "failover": "node_moves:FAILOVER",
        "health": "node_power:HEALTH",
        "info": "node:INFO",
        "invite": "node_add:INVITE",
        "join": "node_add:JOIN",
        "list": "node:LIST",
        "list-drbd": "node_storage:LIST_DRBD",
        "list-fields": "node:LIST_FIELDS",
        "list-storage": "node:LIST_STORAGE",
        "list-tags": "OP_TAGS_GET",
        "migrate": "node_moves:MIGRATE",
        "modify": "node:MODIFY",
        "modify-storage": "OP_NODE_MODIFY_STORAGE",
        "power": "node_power:POWER",
        "powercycle": "node_power:POWERCYCLE",
        "remove": "OP_NODE_REMOVE",
        "remove-tags": "OP_TAGS_DEL",
        "repair-storage": "OP_REPAIR_NODE_STORAGE",
        "restricted-command": "node_commands:RESTRICTED_COMMAND",
        "volumes": "node:VOLUMES",
    },
    "gnt-instance": {
        "activate-disks": "instance_disks:ACTIVATE_DISKS",
        "add": "OP_INSTANCE_CREATE",
        "add-tags": "OP_TAGS_SET",
        "batch-create": "instance:BATCH_CREATE",
        "change-group": "instance_changes:CHANGE_GROUP",
        "console": "instance:CONSOLE",
        "deactivate-disks": "OP_INSTANCE_DEACTIVATE_DISKS",
        "exec": "instance_exec:EXEC",
        "failover": "OP_INSTANCE_FAILOVER",
        "grow-disk": "OP_INSTANCE_GROW_DISK",
        "info": "instance:INFO",
        "list": "instance:LIST",
        "list-fields": "instance:LIST_FIELDS",
        "list-tags": "OP_TAGS_GET",
        "migrate": "OP_INSTANCE_MIGRATE",
        "modify": "instance_changes:MODIFY",
        "move": "OP_INSTANCE_MOVE",
        "reboot": "OP_INSTANCE_REBOOT",
        "recreate-disks": "OP_INSTANCE_RECREATE_DISKS",
        "reinstall": "reinstall:REINSTALL",
        "remove": "OP_INSTANCE_REMOVE",
        "remove-tags": "OP_TAGS_DEL",
        "rename": "rename:RENAME",
        "renew": "OP_INSTANCE_RENEW",
        "replace-disks": "OP_INSTANCE_REPLACE_DISKS",
        "shutdown": "OP_INSTANCE_SHUTDOWN",
        "startup": "OP_INSTANCE_STARTUP",
    },
    "gnt-backup": {
        "export": "OP_BACKUP_EXPORT",
        "import": "OP_INSTANCE_CREATE",
        "list": "backup:LIST",
        "list-fields": "backup:LIST_FIELDS",
        "remove": "OP_BACKUP_REMOVE",
    },
    "gnt-group": {
        "add": "OP_GROUP_ADD",
        "add-tags": "OP_TAGS_SET",
        "assign-nodes": "OP_GROUP_ASSIGN_NODES",
        "evacuate": "group_changes:EVACUATE",
        "info": "group:INFO",
        "list": "group:LIST",
        "list-fields": "group:LIST_FIELDS",
        "list-tags": "OP_TAGS_GET",
        "modify": "group_changes:MODIFY",
        "remove": "OP_GROUP_REMOVE",
        "remove-tags": "OP_TAGS_DEL",
        "rename": "OP_GROUP_RENAME",
        "show-ispecs-cmd": "group:SHOW_ISPECS",
    },
    "gnt-network": {
        "add": "OP_NETWORK_ADD",
        "add-tags": "OP_TAGS_SET",
        "connect": "network:CONNECT",
        "disconnect": "network:DISCONNECT",
        "info": "network:INFO",
        "list": "network:LIST",
        "list-fields": "network:LIST_FIELDS",
        "list-tags": "OP_TAGS_GET",
        "modify": "network:MODIFY",
        "remove": "OP_NETWORK_REMOVE",
        "remove-tags": "OP_TAGS_DEL",
        "rename": "OP_NETWORK_RENAME",
    },
    "gnt-os": {
        "diagnose": "os:DIAGNOSE",
        "info": "os:INFO",
        "list": "os:LIST",
        "modify": "os:MODIFY",
    },
    "gnt-storage": {
        "diagnose": "storage:DIAGNOSE",
        "info": "storage:INFO",
    },
    "gnt-filter": {
        "add": "filters:ADD",
        "delete": "filters:DELETE",
        "info": "filters:INFO",
        "list": "filters:LIST",
        "list-fields": "filters:LIST_FIELDS",
        "replace": "filters:REPLACE",
    },
    "gnt-job": {
        "archive": "job:ARCHIVE",
        "autoarchive": "job:AUTOARCHIVE",
        "cancel": "job:CANCEL",
        "change-priority": "job:CHANGE_PRIORITY",
        "info": "job:INFO",
        "list": "job:LIST",
        "list-fields": "job:LIST_FIELDS",
        "wait": "job:WAIT",
        "watch": "job:WATCH",
    },
    "gnt-debug": {
        "delay": "OP_TEST_DELAY",
        "iallocator": "debug:IALLOCATOR",
        "locks": "debug:LOCKS",
        "metad": "metad:METAD",
        "submit-job": "submit_job:SUBMIT_JOB",
        "test-jobqueue": "job_queue_test:TEST_JOBQUEUE",
        "test-osparams": "OP_TEST_OS_PARAMS",
    },
}
ALIASES: dict[str, dict[str, str]] = {
    "gnt-cluster": {"masterfailover": "master-failover", "show": "info"},
    "gnt-node": {"show": "info"},
    "gnt-instance": {"show": "info", "start": "startup", "stop": "shutdown"},
    "gnt-backup": {},
    "gnt-group": {},
    "gnt-network": {},
    "gnt-os": {"show": "info"},
    "gnt-storage": {},
    "gnt-filter": {},
    "gnt-job": {"show": "info"},
    "gnt-debug": {"allocator": "iallocator"},
}


def find(script: str, name: str) -> Runnable | None:
    """The command of a name or alias; None if there is none."""
    name = ALIASES[script].get(name, name)
    place = COMMANDS[script].get(name)
    if place is None:
        return None
    if place.startswith("OP_"):
        from ganeti.operations import find as find_operation  # noqa: PLC0415 - lists need no operations

        operation = find_operation(place)
        command = next(c for c in operation.commands if (c.script, c.name) == (script, name))
        return OperationCommand(command, operation)
    module, _, attribute = place.partition(":")
    found: Local = getattr(import_module(f"ganeti.cli.{module}"), attribute)
    return found
