# SPDX-License-Identifier: BSD-2-Clause
"""The saved state of three booted nodes, from which new ones resume in seconds.

A volume group ``xenvg`` of two disks is part of it.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from ganeti.errors import ExecutionFailed
from ganeti.lab import guest, initramfs, root
from ganeti.lab.guest import CACHE
from ganeti.lab.plan import LabPlan
from ganeti.lab.vm import identity, power, software, wiring
from ganeti.lab.vm.image import Image, image
from ganeti.lab.vm.machine import Machine, each
from ganeti.lab.vm.tree import SOURCES
from ganeti.lab.vm.work import progress

VOLUME_GROUP = "xenvg"
_STAMP = ".made-of"
_PATIENCE = 600.0  # seconds
_PREPARATION = f"""
vgcreate --quiet {VOLUME_GROUP} /dev/vdb /dev/vdc
gnt-cluster --version
systemctl is-system-running --wait || systemctl --failed --no-legend
sync
"""


@dataclass(frozen=True, slots=True)
class Saved:
    """Keys, disks and states of nodes. Only changed by the one lab of virtual machines that is up."""

    directory: Path
    image: Image

    @property
    def keys(self) -> Path:
        return self.directory / "keys"

    @property
    def manifest(self) -> Path:
        return self.directory / "manifest.json"

    def disk(self, node: str, name: str) -> Path:
        return self.directory / f"{node}-{name}.qcow2"

    def state(self, node: str) -> Path:
        return self.directory / f"{node}.state"

    def resume(self, plan: LabPlan) -> None:
        """Resume the nodes of ``plan`` from here."""
        shutil.copytree(self.keys, plan.keys, dirs_exist_ok=True)
        shutil.copy(self.manifest, manifest(plan))
        software.insert_disk(plan)
        machines = tuple(Machine(plan, name, self.image) for name in plan.nodes)
        for node in machines:
            for name in power.DISKS:
                _overlay(power.disk(plan, node.name, name), self.disk(node.name, name), "qcow2")
        each(machines, lambda node: node.boot(self.state(node.name)).wait())


def manifest(plan: LabPlan) -> Path:
    """The list of our software on the nodes of a lab."""
    return plan.running / "manifest.json"


def saved(plan: LabPlan, suite: str) -> Saved:
    """Created by the nodes of ``plan`` unless an up-to-date one exists; they are off afterwards."""
    booted = image(CACHE, suite)
    made = Saved(booted.directory.with_name(f"{suite}-saved"), booted)
    stamp = made.directory / _STAMP
    made_of = _fingerprint(made)
    if not stamp.is_file() or stamp.read_text() != made_of:
        _make(made, plan)
        stamp.write_text(made_of)
    return made


def _make(target: Saved, plan: LabPlan) -> None:
    shutil.rmtree(target.directory, ignore_errors=True)
    target.directory.mkdir()
    machines = tuple(Machine(plan, name, target.image) for name in plan.nodes)
    software.insert_disk(plan)
    for node in machines:
        _make_disks(target, node)
    with progress("Nodes: first boot"):
        each(machines, lambda node: node.boot().wait())
    with progress("Nodes: software, volume groups"):
        software.cargo(guest.build(CACHE).directory).bring(machines, target.manifest)
        each(machines, lambda node: node.script(_PREPARATION, timeout=_PATIENCE))
    with progress("Nodes: saving their state"):
        each(machines, lambda node: _save(target, node))
    shutil.copytree(plan.keys, target.keys)


def _make_disks(target: Saved, node: Machine) -> None:
    system, *data = (power.disk(node.plan, node.name, name) for name in power.DISKS)
    _overlay(system, target.image.root, "raw")
    for disk in data:
        _qemu_img("create", "-q", "-f", "qcow2", disk, power.DATA_SIZE)


def _save(target: Saved, node: Machine) -> None:
    with node.qmp() as qmp:
        qmp.save(target.state(node.name))
    node.kill()
    for name in power.DISKS:
        shutil.move(power.disk(node.plan, node.name, name), target.disk(node.name, name))


def _overlay(disk: Path, backing: Path, kind: str) -> None:
    disk.parent.mkdir(parents=True, exist_ok=True)
    _qemu_img("create", "-q", "-f", "qcow2", "-b", backing, "-F", kind, disk)


def _qemu_img(*words: str | Path) -> None:
    done = subprocess.run(["qemu-img", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ExecutionFailed(f"A node's disk cannot be made: {done.stderr.strip()}")


def _source(module: ModuleType) -> Path:
    return Path(str(module.__file__))


def _fingerprint(made: Saved) -> str:
    """A state can only be resumed by the same QEMU, with the same devices, on the same disks."""
    qemu = subprocess.run([power.QEMU, "--version"], capture_output=True, text=True, check=True).stdout
    digest = hashlib.sha256(f"{made.image.made_of} {made.directory} {qemu}".encode())
    for path in (Path(__file__), SOURCES / "init", *map(_source, (identity, initramfs, power, root, wiring))):
        digest.update(path.read_bytes())
    return digest.hexdigest()
