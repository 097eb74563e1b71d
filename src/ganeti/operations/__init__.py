# SPDX-License-Identifier: BSD-2-Clause
"""What the cluster can do. One operation, one file.

``OPERATIONS`` says where each is, by its wire name, so that a command imports only the one it needs.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from ganeti.errors import WrongInput
from ganeti.jobs.operation import JobOperation

OPERATIONS = {
    "OP_BACKUP_EXPORT": "backup.export:BackupExport",
    "OP_BACKUP_PREPARE": "backup.prepare:BackupPrepare",
    "OP_BACKUP_REMOVE": "backup.remove:BackupRemove",
    "OP_CLUSTER_ACTIVATE_MASTER_IP": "cluster.activate_master_ip:ClusterActivateMasterIp",
    "OP_CLUSTER_CONFIG_QUERY": "cluster.config_query:ClusterConfigQuery",
    "OP_CLUSTER_DEACTIVATE_MASTER_IP": "cluster.deactivate_master_ip:ClusterDeactivateMasterIp",
    "OP_CLUSTER_DESTROY": "cluster.destroy:ClusterDestroy",
    "OP_CLUSTER_POST_INIT": "cluster.post_init:ClusterPostInit",
    "OP_CLUSTER_QUERY": "cluster.info:ClusterInfo",
    "OP_CLUSTER_REDIST_CONF": "cluster.redist_conf:ClusterRedistConf",
    "OP_CLUSTER_REPAIR_DISK_SIZES": "cluster.repair_disk_sizes:ClusterRepairDiskSizes",
    "OP_CLUSTER_RENAME": "cluster.rename:ClusterRename",
    "OP_CLUSTER_RENEW_CRYPTO": "cluster.renew_crypto:ClusterRenewCrypto",
    "OP_CLUSTER_SET_PARAMS": "cluster.modify:ClusterModify",
    "OP_CLUSTER_VERIFY": "cluster.verify.cluster:ClusterVerify",
    "OP_CLUSTER_VERIFY_CONFIG": "cluster.verify.config:ClusterVerifyConfig",
    "OP_CLUSTER_VERIFY_DISKS": "cluster.verify_disks:ClusterVerifyDisks",
    "OP_CLUSTER_VERIFY_GROUP": "cluster.verify.group:ClusterVerifyGroup",
    "OP_EXT_STORAGE_DIAGNOSE": "storage.diagnose:ExtStorageDiagnose",
    "OP_GROUP_ADD": "group.add:GroupAdd",
    "OP_GROUP_ASSIGN_NODES": "group.assign_nodes:GroupAssignNodes",
    "OP_GROUP_EVACUATE": "group.evacuate:GroupEvacuate",
    "OP_GROUP_REMOVE": "group.remove:GroupRemove",
    "OP_GROUP_RENAME": "group.rename:GroupRename",
    "OP_GROUP_SET_PARAMS": "group.modify:GroupModify",
    "OP_GROUP_VERIFY_DISKS": "group.verify_disks:GroupVerifyDisks",
    "OP_INSTANCE_ACTIVATE_DISKS": "instance.activate_disks:InstanceActivateDisks",
    "OP_INSTANCE_CHANGE_GROUP": "instance.change_group:InstanceChangeGroup",
    "OP_INSTANCE_CONSOLE": "instance.console:InstanceConsole",
    "OP_INSTANCE_CREATE": "instance.create:InstanceCreate",
    "OP_INSTANCE_DEACTIVATE_DISKS": "instance.deactivate_disks:InstanceDeactivateDisks",
    "OP_INSTANCE_EXEC": "instance.exec:InstanceExec",
    "OP_INSTANCE_FAILOVER": "instance.failover:InstanceFailover",
    "OP_INSTANCE_GROW_DISK": "instance.grow_disk:InstanceGrowDisk",
    "OP_INSTANCE_MIGRATE": "instance.migrate:InstanceMigrate",
    "OP_INSTANCE_MOVE": "instance.move:InstanceMove",
    "OP_INSTANCE_MULTI_ALLOC": "instance.multi_alloc:InstanceMultiAlloc",
    "OP_INSTANCE_QUERY_DATA": "instance.info:InstanceInfo",
    "OP_INSTANCE_REBOOT": "instance.reboot:InstanceReboot",
    "OP_INSTANCE_RECREATE_DISKS": "instance.recreate_disks:InstanceRecreateDisks",
    "OP_INSTANCE_REINSTALL": "instance.reinstall:InstanceReinstall",
    "OP_INSTANCE_REMOVE": "instance.remove:InstanceRemove",
    "OP_INSTANCE_RENAME": "instance.rename:InstanceRename",
    "OP_INSTANCE_RENEW": "instance.renew:InstanceRenew",
    "OP_INSTANCE_REPLACE_DISKS": "instance.replace_disks:InstanceReplaceDisks",
    "OP_INSTANCE_SET_PARAMS": "instance.modify:InstanceModify",
    "OP_INSTANCE_SHUTDOWN": "instance.shutdown:InstanceShutdown",
    "OP_INSTANCE_STARTUP": "instance.startup:InstanceStartup",
    "OP_NETWORK_ADD": "network.add:NetworkAdd",
    "OP_NETWORK_CONNECT": "network.connect:NetworkConnect",
    "OP_NETWORK_DISCONNECT": "network.disconnect:NetworkDisconnect",
    "OP_NETWORK_REMOVE": "network.remove:NetworkRemove",
    "OP_NETWORK_RENAME": "network.rename:NetworkRename",
    "OP_NETWORK_SET_PARAMS": "network.modify:NetworkModify",
    "OP_NODE_ADD": "node.add:NodeAdd",
    "OP_NODE_EVACUATE": "node.evacuate:NodeEvacuate",
    "OP_NODE_MIGRATE": "node.migrate:NodeMigrate",
    "OP_NODE_MODIFY_STORAGE": "node.storage_modify:NodeStorageModify",
    "OP_NODE_POWERCYCLE": "node.powercycle:NodePowercycle",
    "OP_NODE_QUERY_STORAGE": "node.storage:NodeStorage",
    "OP_NODE_QUERYVOLS": "node.volumes:NodeVolumes",
    "OP_NODE_REMOVE": "node.remove:NodeRemove",
    "OP_NODE_SET_PARAMS": "node.modify:NodeModify",
    "OP_OOB_COMMAND": "node.oob:NodeOob",
    "OP_OS_DIAGNOSE": "os.diagnose:OsDiagnose",
    "OP_QUERY": "query.rows:QueryRows",
    "OP_QUERY_FIELDS": "query.fields:QueryFields",
    "OP_REPAIR_NODE_STORAGE": "node.storage_repair:NodeStorageRepair",
    "OP_RESTRICTED_COMMAND": "node.restricted_command:NodeRestrictedCommand",
    "OP_TAGS_DEL": "tags.remove:TagsRemove",
    "OP_TAGS_GET": "tags.get:TagsGet",
    "OP_TAGS_SEARCH": "tags.search:TagsSearch",
    "OP_TAGS_SET": "tags.add:TagsAdd",
    "OP_TEST_ALLOCATOR": "debug.allocator:DebugAllocator",
    "OP_TEST_DELAY": "debug.delay:DebugDelay",
    "OP_TEST_DUMMY": "debug.dummy:DebugDummy",
    "OP_TEST_JQUEUE": "debug.job_queue:DebugJobQueue",
    "OP_TEST_OS_PARAMS": "debug.os_parameters:DebugOsParameters",
}


@cache
def find(wire_name: str) -> type[JobOperation[Any]]:
    """The class of an operation. Raises WrongInput for an unknown name."""
    if wire_name not in OPERATIONS:
        raise WrongInput(f"There is no operation '{wire_name}'")
    module, _, name = OPERATIONS[wire_name].partition(":")
    found: type[JobOperation[Any]] = getattr(import_module(f"{__name__}.{module}"), name)
    return found


def all_operations() -> list[type[JobOperation[Any]]]:
    return [find(name) for name in OPERATIONS]
