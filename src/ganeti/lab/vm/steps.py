# SPDX-License-Identifier: BSD-2-Clause
"""The steps of the demonstration on virtual machines: a guest's disk is on two nodes, and survives either of them."""

from __future__ import annotations

import re

from ganeti.lab.plan import DOMAIN, FIRST_GUEST
from ganeti.lab.steps import (
    GUEST,
    Stage,
    Step,
    expect,
    guest_boots,
    migrated,
    node_joins_by_token,
    node_joins_over_ssh,
    nodes_are_up,
)

GROUP = "xenvg"
SIZE = 1024  # MiB: default policies refuse less
GROWN = 1088
_PROVIDER = "/usr/share/ganeti/os/tiny"
_DISKS = re.compile(r" ro:(\S+) ds:(\S+)")  # of /proc/drbd: roles and states, this node's first
_LONG = 1200  # seconds: emulated machines, with emulated guests in them
# QEMU loads the guest's kernel: reading it through a BIOS takes minutes on an emulated processor.
TINY = (
    "-o",
    "tiny+minimal",
    "-H",
    f"kvm:kernel_path={_PROVIDER}/vmlinuz,initrd_path={_PROVIDER}/initrd.gz,kernel_args=quiet",
)
# An emulated node may answer late: tenths of a second.
PATIENT = ("-D", "drbd:net-custom=--ping-timeout=100")
_BOTH = ("Primary/Secondary", "UpToDate/UpToDate")


def volume_groups_are_there(stage: Stage) -> str:
    sizes = {node.name: stage.gnt(node.name, "vgs", "--noheadings", "-o", "vg_size", GROUP) for node in stage.lab.nodes}
    return f"{GROUP} on {', '.join(f'{name} {size.strip()}' for name, size in sizes.items())}"


def cluster_is_made(stage: Stage) -> str:
    options = ("--enabled-hypervisors=kvm", "--enabled-disk-templates=drbd,plain", f"--vg-name={GROUP}")
    network = ("--master-netdev=br0", "--nic-parameters=link=br0")
    stage.gnt("node1", "gnt-cluster", "init", *options, *network, *PATIENT, "cluster", timeout=_LONG)
    master = stage.gnt("node1", "gnt-cluster", "getmaster").strip()
    expect(master == f"node1.{DOMAIN}", f"the master is '{master}'")
    return f"master is {master}"


def guest_is_made(stage: Stage) -> str:
    address = stage.lab.plan.host(FIRST_GUEST)
    disk = ("-t", "drbd", "-n", "node2:node3", "--disk", f"0:size={SIZE}m")
    shape = ("-B", "memory=128M,vcpus=1", "--net", f"0:ip={address}", "-O", "records=yes,interval=1")
    stage.gnt("node1", "gnt-instance", "add", *disk, *shape, *TINY, GUEST, timeout=_LONG)
    return f"{GUEST} on node2 and node3: {_mirrored(stage, 'node2')}"


def guest_migrates_and_back(stage: Stage) -> str:
    told = [migrated(stage, target) for target in ("node3", "node2")]
    return "; back: ".join(told)


def node_dies(stage: Stage) -> str:
    with stage.console() as console:
        stage.recorded = console.record()
        stage.lab.node("node2").kill()
        stage.recorded = max(stage.recorded, console.last_record())
    return f"node2 lost its power; record {stage.recorded} was the guest's last"


def guest_comes_back(stage: Stage) -> str:
    stage.gnt("node1", "gnt-node", "modify", "--offline=yes", "node2", timeout=_LONG)
    stage.gnt("node1", "gnt-instance", "failover", "-f", GUEST, timeout=_LONG)
    stage.where = "node3"
    return f"from its other copy, on node3: {_nothing_lost(stage, boot=2)}"


def node_returns(stage: Stage) -> str:
    stage.lab.node("node2").boot().wait()
    stage.gnt("node1", "gnt-node", "modify", "--offline=no", "node2", timeout=_LONG)
    stage.gnt("node1", "gnt-instance", "activate-disks", "--wait-for-sync", GUEST, timeout=_LONG)
    return f"{GUEST} on node3 and node2: {_mirrored(stage, 'node3')}"


def secondary_is_replaced(stage: Stage) -> str:
    stage.gnt("node1", "gnt-instance", "replace-disks", "-n", "node1", GUEST, timeout=_LONG)
    left = stage.lab.node("node2").read("/proc/drbd")
    expect(not _DISKS.findall(left), f"node2 still has {left}")
    return f"{GUEST} on node3 and node1: {_mirrored(stage, 'node3')}"


def disk_grows(stage: Stage) -> str:
    stage.gnt("node1", "gnt-instance", "grow-disk", GUEST, "0", f"{GROWN - SIZE}m", timeout=_LONG)
    device = stage.gnt("node3", "lsblk", "--bytes", "--noheadings", "-o", "SIZE", "/dev/drbd0", timeout=_LONG)
    expect(int(device.split()[0]) >= GROWN * 1024**2, f"the device has {device.strip()} bytes")
    return f"from {SIZE} MiB to {int(device.split()[0]) // 1024**2} MiB while it runs: {_mirrored(stage, 'node3')}"


def guest_boots_from_its_new_copy(stage: Stage) -> str:
    migrated(stage, "node1", boot=2)
    with stage.console() as console:
        stage.recorded = console.record()
    stage.gnt("node1", "gnt-instance", "reboot", "--type=hard", GUEST, timeout=_LONG)
    return f"on node1: {_nothing_lost(stage, boot=3)}"


def all_is_well(stage: Stage) -> str:
    told = stage.gnt("node1", "gnt-cluster", "verify", "--error-codes", timeout=_LONG)
    expect("ERROR" not in told, told)
    return "no errors"


def _nothing_lost(stage: Stage, boot: int) -> str:
    """The guest's message after booting, if it has found every record that it had reported."""
    with stage.console() as console:
        up = console.up()
        stage.counted = console.count()
    expect((up.name, up.boot) == (GUEST, boot), f"the guest says name={up.name} boot={up.boot}")
    first, _, last = up.records.partition("-")
    whole = first.isdigit() and int(last) >= stage.recorded
    expect(whole, f"of records up to {stage.recorded} the guest found {up.records or 'none'}")
    return f"boot={up.boot}, records {up.records} are there"


def _mirrored(stage: Stage, primary: str) -> str:
    """The status of the only DRBD device of a node."""
    states = _DISKS.findall(stage.lab.node(primary).read("/proc/drbd"))
    expect(states == [_BOTH], f"the devices of {primary} are {states}")
    return ", ".join(_BOTH)


STEPS = (
    Step("three nodes, with own kernel, address and name", nodes_are_up),
    Step("volume groups", volume_groups_are_there),
    Step("gnt-cluster init", cluster_is_made),
    Step("gnt-node add, over ssh", node_joins_over_ssh),
    Step("gnt-node join, by token", node_joins_by_token),
    Step("gnt-instance add -t drbd", guest_is_made),
    Step("the guest boots", guest_boots),
    Step("gnt-instance migrate, there and back", guest_migrates_and_back),
    Step("its node dies", node_dies),
    Step("gnt-instance failover", guest_comes_back),
    Step("the node returns, and gets what it has missed", node_returns),
    Step("gnt-instance replace-disks -n", secondary_is_replaced),
    Step("gnt-instance grow-disk", disk_grows),
    Step("gnt-instance migrate and reboot, on the new copy", guest_boots_from_its_new_copy),
    Step("gnt-cluster verify", all_is_well),
)
