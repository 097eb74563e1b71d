# SPDX-License-Identifier: BSD-2-Clause
"""What distinguishes virtual nodes: it is in the initramfs with which each boots."""

from __future__ import annotations

import stat
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

from ganeti.lab import initramfs
from ganeti.lab.plan import DOMAIN, LabPlan
from ganeti.lab.root import furnish_ssh, write
from ganeti.lab.vm import wiring
from ganeti.lab.vm.image import Image
from ganeti.lab.vm.tree import SOURCES

VARIABLES = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}

# For the root file system and its disk. Checksums that ext4 loads by name are not among module dependencies.
_MODULES = ("crc32c_generic", "ext4", "virtio_pci", "virtio_blk")
_DIRECTORIES = ("bin", "dev", "identity", "modules", "newroot", "proc", "sys")


def initrd(plan: LabPlan, node: str, image: Image) -> bytes:
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        _furnish(plan, node, root)
        return initramfs.archive(_entries(root, image))


def _entries(root: Path, image: Image) -> Iterator[initramfs.Entry]:
    yield from map(initramfs.directory, _DIRECTORIES)
    yield initramfs.console()
    yield initramfs.program("bin/busybox", image.busybox.read_bytes())
    yield initramfs.program("init", (SOURCES / "init").read_bytes())
    for position, path in enumerate(initramfs.modules_for(image.modules, _MODULES)):
        yield initramfs.module(position, path)
    for path in sorted(root.rglob("*")):
        place = f"identity/{path.relative_to(root)}"
        mode = path.stat().st_mode
        if path.is_dir():
            yield initramfs.Entry(place, mode)
        else:
            yield initramfs.file(place, path.read_bytes(), stat.S_IMODE(mode))


def _furnish(plan: LabPlan, node: str, root: Path) -> None:
    write(root / "etc/hostname", f"{node}\n")
    write(root / "etc/hosts", plan.hosts())
    write(root / "etc/machine-id", uuid.uuid5(uuid.NAMESPACE_DNS, f"{node}.{DOMAIN}").hex + "\n")
    write(root / "etc/resolv.conf", "")
    furnish_ssh(plan, node, root, VARIABLES)
    _furnish_network(plan, node, root / "etc/systemd/network")


def _furnish_network(plan: LabPlan, node: str, directory: Path) -> None:
    """systemd.network(5); as on a namespace node, the cluster's network is that of the bridge that guests join."""
    bridge = f"[NetDev]\nName=br0\nKind=bridge\nMACAddress={plan.mac(node)}\n"
    write(directory / "br0.netdev", bridge)
    port = f"[Match]\nName={wiring.CLUSTER.card}\n[Network]\nBridge=br0\n"
    write(directory / f"{wiring.CLUSTER.card}.network", port)
    for name, cable in (("br0", wiring.CLUSTER), ("eth1", wiring.SECONDARY), ("eth2", wiring.MANAGEMENT)):
        addresses = f"Address={cable.address(plan, node)}/24\nAddress={cable.address6(plan, node)}/64\n"
        text = f"[Match]\nName={name}\n[Network]\n{addresses}IPv6AcceptRA=no\nConfigureWithoutCarrier=yes\n"
        write(directory / f"{name}.network", text)
