# SPDX-License-Identifier: BSD-2-Clause
"""A cluster on paper with two node groups: "default" with node1 and node2, "rack2" with node3 and node4."""

import json
from contextlib import asynccontextmanager

from tests.cluster.instance.mirrored import TEMPLATES
from tests.cluster.paper import running

ANSWERING = """#!/usr/bin/python3
import json, sys
open({seen!r}, "w").write(json.dumps([sys.argv[1:-1], json.load(open(sys.argv[-1]))["request"]]))
print({answer!r})
"""


@asynccontextmanager
async def two_groups(root, **first):
    async with running(root, **(TEMPLATES | {"nodes": 4} | first)) as cluster:
        await cluster.run("OP_GROUP_ADD", group_name="rack2")
        await cluster.run("OP_GROUP_ASSIGN_NODES", group_name="rack2", nodes=["node3", "node4"])
        yield cluster


def install(cluster, result, name="mine"):
    """An allocator that answers everything with a result; where it writes its options and what it was asked."""
    directory = cluster.root / "iallocators"
    directory.mkdir(exist_ok=True)
    seen, program = directory / f"{name}.seen", directory / name
    answer = json.dumps({"success": True, "info": "", "result": result})
    program.write_text(ANSWERING.format(seen=str(seen), answer=answer))
    program.chmod(0o755)
    return seen


async def ended(cluster, submitted):
    """How the jobs ended that an operation has submitted."""
    return [(await cluster.finished(number)).status for _, number in submitted["jobs"]]


async def placed(cluster):
    return await cluster.list("instance", "name", "pnode", "snodes", "status")
