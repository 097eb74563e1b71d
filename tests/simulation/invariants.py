# SPDX-License-Identifier: BSD-2-Clause
"""What must be so whatever has happened, when all is calm again."""

import asyncio
from collections import Counter

import msgspec

from ganeti.config.configuration import read_state
from ganeti.model.disk import DiskUse
from ganeti.model.group import Group
from ganeti.model.instance import AdminState, Instance
from ganeti.model.network import Network
from ganeti.model.node import Node
from ganeti.model.restarts import exhausted
from ganeti.node.storage.fake import FakeStorage
from ganeti.rpc.contract.node import Ping, Pong
from tests.cluster.world import UNWATCHED

PATIENCE = 1000.0  # seconds in fine weather, which is longer than any call


async def examine(cluster):
    """Raise AssertionError for what a MortalCluster has done wrong."""
    assert cluster.doubles == []
    examine_jobs(cluster)
    assert [disk.location for disk in disks(cluster) if not owned(cluster, disk)] == []
    assert missing(cluster) == []
    assert list(strange_copies(cluster)) == []
    assert [found async for found in wrongly_used(cluster)] == []
    assert [guest async for guest in misplaced(cluster)] == []
    assert list(wrongly_equipped(cluster)) == []
    assert list(wrong_addresses(cluster.state)) == []
    await examine_replicas(cluster)
    await examine_trust(cluster)
    await examine_keys(cluster)


async def attended(cluster, pause):
    """Return when everything runs that should, but for what the watcher has given up; it is at rest from then on.

    ``pause``: what is asked for that.
    """
    async with asyncio.timeout(PATIENCE):
        while [name async for name in unattended(cluster)]:
            await asyncio.sleep(1)
    await pause(UNWATCHED)
    await cluster.ended()


async def unattended(cluster):
    """Instances that should run, of which nothing is there, and which the watcher has not given up."""
    for instance in cluster.state.instances:
        home = cluster.state.get(Node, instance.primary_node)
        there = (await cluster.nodes[home.name].guests()).get(instance.name)
        lost = there is None or there.ended
        wanted = instance.admin_state is AdminState.UP and home.hosting
        if wanted and lost and not exhausted(instance.restarts, cluster.clock.now()):
            yield instance.name


def examine_jobs(cluster):
    """All that were accepted are known and final, and nothing is held any more."""
    statuses = {tracked.job.id: tracked.job.status for tracked in cluster.master.queue}
    assert sorted(cluster.accepted) == sorted(set(cluster.accepted))
    assert [number for number in cluster.accepted if not statuses[number].final] == []
    # The master daemon itself takes a lock now and then.
    locks = cluster.master.executor.locks.status()
    assert [lock for lock in locks if set(lock.owners) | {who for _, who in lock.pending} != {"masterd"}] == []
    assert locks or cluster.master.executor.locks._held == 0
    assert cluster.master.services.reservations.instances == []


def disks(cluster):
    """All there are, on whatever node."""
    storages = {
        id(storage.disks): storage.disks
        for node in cluster.nodes.values()
        for storage in node.equipment.storages.values()
        if isinstance(storage, FakeStorage)
    }
    return [disk for found in storages.values() for disk in found.values()]


def owned(cluster, disk):
    """A disk belongs to an instance, or a job's error or a warning of it says that it is left."""
    known = {disk.location for instance in cluster.state.instances for disk in instance.disks}
    return disk.location in known or any(disk.location in left for left in named_as_left(cluster))


def named_as_left(cluster):
    return said_to_be_left(cluster) + [e.text for t in cluster.master.queue for e in t.log if "stay there" in e.text]


def said_to_be_left(cluster):
    """The ends of the errors of jobs that could not undo all they had done."""
    results = [str(step.result) for tracked in cluster.master.queue for step in tracked.job.steps]
    return [
        end
        for mark in ("left behind: ", "could not be undone: ")
        for result in results
        for end in result.split(mark)[1:]
    ]


def missing(cluster):
    """Instances whose disks are gone, though no removal of the instance broke off."""
    there = {disk.location for disk in disks(cluster)}
    return [
        instance.name
        for instance in cluster.state.instances
        if not instance.forthcoming
        and any(disk.location not in there for disk in instance.disks if disk.mirror is None)
        and not broke_off(cluster, "REMOVE", instance)
    ]


def strange_copies(cluster):
    """Copies of mirrored disks that nobody has, that are smaller than is recorded, or are not there."""
    copies = dict(cluster.disks.copies)
    for instance in cluster.state.instances:
        for disk in instance.disks if instance.disk_template == "drbd" and not instance.forthcoming else ():
            for node in (cluster.state.get(Node, uuid).name for uuid in disk.nodes):
                copy = copies.pop((node, disk.location), None)
                if copy is None and not any(broke_off(cluster, what, instance) for what in GIVES_UP_COPIES):
                    yield f"{instance.name} has no copy of {disk.location} on {node}"
                elif copy and min(copy.size, copy.disk.size) < disk.size:
                    yield f"{disk.location} has {copy.size} MiB on {node}, and {disk.size} are recorded"
    told = named_as_left(cluster)
    for node, location in copies:
        if not any(f"on {node}" in text for text in told):
            yield f"{location} on {node} belongs to nobody"


# Operations that can break off when a copy is gone already.
GIVES_UP_COPIES = ("REMOVE", "REPLACE_DISKS", "RECREATE_DISKS")


async def wrongly_used(cluster):
    """Mirrored disks that several nodes write, or that a guest runs with and its node has no good copy in use."""
    copies = cluster.disks.copies
    writing = Counter(location for (_, location), copy in copies.items() if copy.use in (DiskUse.OWN, DiskUse.SHARED))
    for location, count in writing.items():
        if count > 1:
            yield f"{location} is written by {count} nodes"
    for name, node in cluster.nodes.items():
        running = [guest for guest, state in (await node.guests()).items() if state == "running"]
        for instance in (i for i in cluster.state.instances if i.name in running):
            for disk in (disk for disk in instance.disks if disk.mirror):
                copy = copies.get((name, disk.location))
                if not (copy and copy.use is DiskUse.OWN and copy.up_to_date):
                    yield f"{instance.name} runs on {name} with {copy}"


async def misplaced(cluster):
    """Guests that run where they should not."""
    instances = {instance.name: instance for instance in cluster.state.instances}
    for name, node in cluster.nodes.items():
        for guest, state in (await node.guests()).items():
            instance = instances.get(guest)
            if state != "running":
                continue
            if instance is None:
                yield f"{guest} runs on {name}, and is not in the configuration"
            elif cluster.state.get(Node, instance.primary_node).name != name:
                yield f"{guest} runs on {name}, and not on its primary node"
            elif instance.admin_state is not AdminState.UP and not any(
                broke_off(cluster, what, instance) for what in ("SHUTDOWN", "REMOVE")
            ):
                yield f"{guest} runs on {name}, and is {instance.admin_state}"


def wrongly_equipped(cluster):
    """Guests that run with disks or cards that are not theirs, or that are not in their places, and nobody was told."""
    for instance in cluster.state.instances:
        home = cluster.nodes[cluster.state.get(Node, instance.primary_node).name]
        guests = home.equipment.hypervisors[instance.hypervisor].started()
        runs = next((guest for guest in guests if guest.uuid == instance.uuid), None)
        if runs is None:
            continue
        own = {device.uuid for device in (*instance.disks, *instance.nics)}
        has = {device.uuid for device in (*runs.disks, *runs.nics)}
        told = any(f"the changed devices of {instance.name}" in text for text in said_to_be_left(cluster))
        if has - own and not told:
            yield f"{instance.name} runs with {has - own}, which it has no more"
        places = instance.layout.places if instance.layout else {}
        moved = {uuid for uuid in own & has if places.get(uuid, runs.layout.places[uuid]) != runs.layout.places[uuid]}
        if moved and not told:
            yield f"{instance.name} has {moved} elsewhere than is recorded"


def wrong_addresses(state):
    """Addresses that two have, or that are not where they should be; networks that are not where they are used."""
    owners = Counter((nic.network, nic.ip) for i in state.instances for nic in i.nics if nic.network and nic.ip)
    yield from (f"{ip} of {network} has {count} owners" for (network, ip), count in owners.items() if count > 1)
    for instance in state.instances:
        groups = [state.get(Group, state.get(Node, uuid).group) for uuid in instance.nodes]
        for nic in (nic for nic in instance.nics if nic.network):
            network = state.get(Network, nic.network)
            if nic.ip and (not network.contains(nic.ip) or nic.ip == network.gateway):
                yield f"{instance.name} has {nic.ip} of {network.name}"
            if any(network.uuid not in group.networks for group in groups):
                yield f"{instance.name} is in {network.name}, which is not connected there"


def broke_off(cluster, what, instance: Instance):
    """Whether an operation on an instance ended in an error, which the user was told."""
    steps = [step for tracked in cluster.master.queue for step in tracked.job.steps]
    failed = [step for step in steps if step.status == "error"]
    told = {step.summary for step in failed}
    # An export can end in a removal.
    removing = [step for step in failed if msgspec.json.decode(step.public).get("remove_instance")]
    told |= {step.summary.replace("BACKUP_EXPORT", "INSTANCE_REMOVE") for step in removing}
    return any(f"INSTANCE_{what}({name})" in told for name in names_of(instance, steps))


def names_of(instance, steps):
    """The name of an instance, and those that it had before it was renamed."""
    renamed = [step for step in steps if step.summary == "INSTANCE_RENAME" and step.status == "success"]
    before = {step.result: msgspec.json.decode(step.input)["instance_name"] for step in renamed}
    names = [instance.name]
    while names[-1] in before:
        names.append(before.pop(names[-1]))
    return names


async def examine_keys(cluster):
    """Who is no master candidate has not the cluster's keys, or a job has said so."""
    async with asyncio.timeout(PATIENCE):
        while cluster.master.trust.unrelieved():
            await asyncio.sleep(1)
    entitled = {node.name for node in cluster.state.candidates}
    holders = {name for name, node in cluster.nodes.items() if node.paths.ca_key.exists()}
    told = [*said_to_be_left(cluster), *warnings(cluster)]
    assert [name for name in holders - entitled if not any(name in text for text in told)] == []


def warnings(cluster):
    return [entry.text for tracked in cluster.master.queue for entry in tracked.log if "WARNING" in entry.text]


async def examine_replicas(cluster):
    """Every candidate has the state of the master."""
    await cluster.run("OP_TEST_DELAY", duration=0)
    for node in cluster.state.nodes:
        if node.master_candidate and node.uuid != cluster.state.cluster.master_node:
            await cluster.master.replication.caught_up(node.uuid)
            assert read_state(cluster.nodes[node.name].store) == cluster.state


async def examine_trust(cluster):
    """Every node and the master know each other's certificates."""
    answers = await cluster.master.nodes.call_all(cluster.state.online_nodes, Ping())
    assert [name for name, answer in answers.items() if not isinstance(answer, Pong)] == []
