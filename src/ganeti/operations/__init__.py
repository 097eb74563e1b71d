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
    "OP_CLUSTER_DESTROY": "cluster.destroy:Destroy",
    "OP_CLUSTER_QUERY": "cluster.info:Info",
    "OP_CLUSTER_SET_PARAMS": "cluster.modify:Modify",
    "OP_CLUSTER_VERIFY": "cluster.verify:Verify",
    "OP_CLUSTER_VERIFY_CONFIG": "cluster.verify_config:VerifyConfig",
    "OP_CLUSTER_VERIFY_GROUP": "cluster.verify_group:VerifyGroup",
    "OP_INSTANCE_CONSOLE": "instance.console:Console",
    "OP_INSTANCE_CREATE": "instance.create:Create",
    "OP_INSTANCE_FAILOVER": "instance.failover:Failover",
    "OP_INSTANCE_MIGRATE": "instance.migrate:Migrate",
    "OP_INSTANCE_MULTI_ALLOC": "instance.multi_alloc:MultiAlloc",
    "OP_INSTANCE_QUERY_DATA": "instance.info:Info",
    "OP_INSTANCE_REBOOT": "instance.reboot:Reboot",
    "OP_INSTANCE_REMOVE": "instance.remove:Remove",
    "OP_INSTANCE_SHUTDOWN": "instance.shutdown:Shutdown",
    "OP_INSTANCE_STARTUP": "instance.startup:Startup",
    "OP_NODE_ADD": "node.add:Add",
    "OP_NODE_REMOVE": "node.remove:Remove",
    "OP_NODE_SET_PARAMS": "node.modify:Modify",
    "OP_OS_DIAGNOSE": "os.diagnose:Diagnose",
    "OP_TAGS_DEL": "tags.remove:Remove",
    "OP_TAGS_GET": "tags.get:Get",
    "OP_TAGS_SEARCH": "tags.search:Search",
    "OP_TAGS_SET": "tags.add:Add",
    "OP_TEST_DELAY": "debug.delay:Delay",
}


@cache
def find(wire_name: str) -> type[JobOperation[Any]]:
    """The class of an operation. Raises WrongInput for a name that nobody knows."""
    if wire_name not in OPERATIONS:
        raise WrongInput(f"There is no operation '{wire_name}'")
    module, _, name = OPERATIONS[wire_name].partition(":")
    found: type[JobOperation[Any]] = getattr(import_module(f"{__name__}.{module}"), name)
    return found


def all_operations() -> list[type[JobOperation[Any]]]:
    return [find(name) for name in OPERATIONS]
