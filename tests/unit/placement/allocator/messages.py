# SPDX-License-Identifier: BSD-2-Clause
"""Iallocator messages: made to measure, and made by chance, the same for the same seed."""

from __future__ import annotations

import copy
from random import Random

TEMPLATES = ("drbd", "plain", "file", "sharedfile", "diskless", "rbd", "ext")
ALL_TEMPLATES = ["sharedfile", "diskless", "plain", "blockdev", "drbd", "file", "rbd", "ext", "gluster"]
LOCAL = ("drbd", "plain", "file")


def spec(**sizes):
    small = {"nic": 1, "disk_size": 128, "disk": 1, "memory": 128, "cpu": 1, "spindles": 1}
    it = small | sizes
    return {
        "nic-count": it["nic"],
        "disk-size": it["disk_size"],
        "disk-count": it["disk"],
        "memory-size": it["memory"],
        "cpu-count": it["cpu"],
        "spindle-use": it["spindles"],
    }


def policy(**changes):
    largest = spec(nic=8, disk_size=1048576, disk=16, memory=32768, cpu=8, spindles=8)
    usual = {
        "std": spec(disk_size=1024),
        "minmax": [{"min": spec(), "max": largest}],
        "vcpu-ratio": 4.0,
        "spindle-ratio": 32.0,
        "disk-templates": ALL_TEMPLATES,
    }
    return usual | changes


def node(group="uuid-0", *, memory=1000, disk=100000, cpus=8, **changes):
    """One with nothing on it."""
    return {
        "group": group,
        "offline": False,
        "drained": False,
        "vm_capable": True,
        "tags": [],
        "total_memory": memory,
        "reserved_memory": 0,
        "free_memory": memory,
        "total_disk": disk,
        "free_disk": disk,
        "total_cpus": cpus,
        "reserved_cpus": 0,
        "total_spindles": 0,
        "free_spindles": 0,
        "ndparams": {"spindle_count": 1, "exclusive_storage": False, "cpu_speed": 1.0},
        "primary_ip": "192.0.2.1",
        "secondary_ip": "192.0.2.1",
    } | changes


def instance(template="drbd", *, memory=128, disk=1024, vcpus=1, **changes):
    """What requests and lists of instances say of one."""
    sizes = [] if template == "diskless" else [disk]
    overhead = 128 * len(sizes) if template == "drbd" else 0
    return {
        "disk_template": template,
        "memory": memory,
        "vcpus": vcpus,
        "spindle_use": 1,
        "disks": [{"mode": "rw", "size": size, "spindles": 1} for size in sizes],
        "disk_space_total": sum(sizes) + overhead if template in LOCAL else 0,
        "nics": [{"ip": None, "mac": "aa:00:00:00:00:01", "bridge": "br0"}],
        "tags": [],
        "os": "os",
        "hypervisor": "xen-pvm",
    } | changes


def message(nodes, instances=None, request=None, *, groups=("preferred",), tags=(), group_policy=None):
    """``instances`` by name, with their nodes; what they take is taken off the nodes."""
    nodes = copy.deepcopy(nodes)
    for placed in (instances or {}).values():
        _take(nodes, placed)
    return {
        "version": 2,
        "cluster_name": "cluster",
        "cluster_tags": list(tags),
        "enabled_hypervisors": ["xen-pvm"],
        "ipolicy": policy(),
        "nodegroups": {
            f"uuid-{number}": {
                "name": f"group{number}",
                "alloc_policy": alloc_policy,
                "networks": [],
                "tags": [],
                "ipolicy": group_policy or policy(),
            }
            for number, alloc_policy in enumerate(groups)
        },
        "nodes": nodes,
        "instances": instances or {},
        "request": request or allocation(),
    }


def allocation(template="drbd", name="new", **changes):
    needed = 2 if template == "drbd" else 1
    return instance(template, **changes) | {"type": "allocate", "name": name, "required_nodes": needed}


def relocation(name, leaving):
    return {
        "type": "relocate",
        "name": name,
        "required_nodes": 1,
        "disk_space_total": 1024,
        "relocate_from": [leaving],
    }


def evacuation(mode, *names):
    return {"type": "node-evacuate", "instances": list(names), "evac_mode": mode}


def by_chance(seed):
    """A cluster of up to nine nodes in up to three groups, and any kind of request."""
    random = Random(seed)
    groups = random.choice([1, 1, 2, 3])
    policies = [random.choice(["preferred", "preferred", "last_resort"]) for _ in range(groups)]
    tight = random.choice([1, 1, 0.3])
    nodes = {
        f"node{number}": node(
            f"uuid-{number % groups}",
            memory=int(random.choice([16384, 32768]) * tight),
            disk=int(random.choice([200000, 300000]) * tight),
            cpus=random.choice([4, 8, 16]),
            tags=[f"rack:{random.randrange(3)}"],
            offline=random.random() < random.choice([0, 0, 0.2]),
        )
        for number in range(random.choice([4, 6, 9]))
    }
    templates = random.choice([("drbd",), ("drbd",), ("drbd", "ext"), TEMPLATES])
    instances = dict(_instances(random, nodes, groups, templates))
    tags = random.choice([[], ["htools:iextags:svc"], ["htools:iextags:svc", "htools:nlocation:rack"]])
    request = _request(random, instances, groups)
    made = message(nodes, instances, request, groups=policies, tags=tags)
    for it in made["nodes"].values():
        if it["offline"]:
            for key in ("total_memory", "free_memory", "total_disk", "free_disk", "total_cpus"):
                del it[key]
    return made


def _instances(random, nodes, groups, templates):
    left = copy.deepcopy(nodes)
    for number in range(random.choice([0, 10, 40])):
        group = random.randrange(groups)
        there = [name for name, it in nodes.items() if it["group"] == f"uuid-{group}"]
        if len(there) < 2:
            continue
        template = random.choice(templates)
        placed = instance(
            template,
            memory=random.choice([128, 256, 512, 1024, 2048]),
            disk=random.choice([512, 1024, 4096, 10240]),
            vcpus=random.choice([1, 1, 2, 4]),
            tags=[f"svc:{random.choice('abc')}"] if random.random() < 0.3 else [],
            admin_state="down" if random.random() < 0.05 else "up",
            nodes=random.sample(there, 2 if template == "drbd" else 1),
        )
        _take(left, placed)
        if all(left[name]["free_memory"] > 0 and left[name]["free_disk"] > 0 for name in placed["nodes"]):
            yield f"inst{number}", placed


def _request(random, instances, groups):
    kind = random.choice(["allocate"] * 4 + ["multi-allocate", "relocate", "node-evacuate", "change-group"])
    if kind == "multi-allocate":
        wanted = [allocation(random.choice(TEMPLATES), f"new{number}") for number in range(random.randint(1, 3))]
        return {"type": kind, "instances": wanted}
    if kind == "allocate" or not instances:
        tags = ["svc:a"] if random.random() < 0.5 else []
        sizes = {"memory": random.choice([128, 512, 2048]), "vcpus": random.choice([1, 2, 4])}
        return allocation(random.choice(TEMPLATES), tags=tags, **sizes)
    chosen = random.sample(sorted(instances), min(len(instances), random.choice([1, 2, 4])))
    if kind == "relocate":
        return relocation(chosen[0], instances[chosen[0]]["nodes"][-1])
    if kind == "node-evacuate":
        return evacuation(random.choice(["primary-only", "secondary-only", "all"]), *chosen)
    targets = random.choice([[], [f"uuid-{random.randrange(groups)}"]])
    return {"type": kind, "instances": chosen, "target_groups": targets}


def _take(nodes, placed):
    primary = nodes[placed["nodes"][0]]
    if placed.get("admin_state", "up") == "up":
        primary["free_memory"] -= placed["memory"]
    for name in placed["nodes"]:
        nodes[name]["free_disk"] -= placed["disk_space_total"]
