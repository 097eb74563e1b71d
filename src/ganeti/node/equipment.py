# SPDX-License-Identifier: BSD-2-Clause
"""What a node works with: drivers, by their names in the cluster."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import get_args

from ganeti.errors import WrongInput
from ganeti.host.clock import Clock
from ganeti.host.paths import Paths
from ganeti.host.services import services
from ganeti.model.disk import Disk, DiskTemplate
from ganeti.model.parameters.network import NicMode
from ganeti.model.report import Memory
from ganeti.model.template import TEMPLATES
from ganeti.node.channel import Channel
from ganeti.node.events import Events
from ganeti.node.hypervisor.driver import Hypervisor
from ganeti.node.hypervisor.fake import FakeHypervisor, PaperFiles
from ganeti.node.hypervisor.kvm.directory import directories
from ganeti.node.hypervisor.kvm.driver import Kvm
from ganeti.node.machine import Machine, PaperMachine, ThisMachine
from ganeti.node.master_ip import MasterIp, PaperMasterIp
from ganeti.node.metadata import MetadataFiles
from ganeti.node.network.bridged import Bridged
from ganeti.node.network.cards import Cards
from ganeti.node.network.communication import Communication
from ganeti.node.network.driver import Switches
from ganeti.node.network.fake import FakeNetwork, FakeSwitches
from ganeti.node.network.openvswitch import OpenVSwitch
from ganeti.node.network.routed import Routed
from ganeti.node.network.scripts import TapScripts
from ganeti.node.paper_channel import PaperChannel, PaperCopies
from ganeti.node.power import KernelReset, PaperPrograms, PaperReset, Programs, RealPrograms, Reset
from ganeti.node.storage.answering import Answering
from ganeti.node.storage.block import BlockStorage
from ganeti.node.storage.diskless import NoStorage
from ganeti.node.storage.drbd.commands import Drbd
from ganeti.node.storage.drbd.driver import DrbdStorage
from ganeti.node.storage.drbd.module import Module, PaperModule
from ganeti.node.storage.driver import (
    Adopting,
    Labelling,
    Linking,
    Mirroring,
    Snapshotting,
    Storage,
    VolumeGroups,
    Wiping,
)
from ganeti.node.storage.ext.driver import ExtStorage
from ganeti.node.storage.fake import FakeStorage, PaperVolumes
from ganeti.node.storage.fake_adoption import FakeAdoption
from ganeti.node.storage.fake_devices import FakeDevices
from ganeti.node.storage.fake_mirror import Copies, FakeMirror
from ganeti.node.storage.fake_snapshots import FakeSnapshots
from ganeti.node.storage.file import FileStorage
from ganeti.node.storage.gluster import GlusterStorage
from ganeti.node.storage.lvm.plain import PlainStorage
from ganeti.node.storage.lvm.volumes import Volumes
from ganeti.node.storage.rbd import RbdStorage
from ganeti.rpc.client import NODE_DAEMON_PORT


@dataclass(frozen=True, slots=True)
class Equipment:
    """``port``: where the node daemons of other nodes listen."""

    name: str
    paths: Paths
    clock: Clock
    machine: Machine
    events: Events
    hypervisors: Mapping[str, Hypervisor]
    storages: Mapping[DiskTemplate, Storage]
    adopting: Mapping[DiskTemplate, Adopting]
    wiping: Mapping[DiskTemplate, Wiping]
    mirroring: Mapping[DiskTemplate, Mirroring]
    linking: Mapping[DiskTemplate, Linking]
    snapshotting: Mapping[DiskTemplate, Snapshotting]
    labelling: Mapping[DiskTemplate, Labelling]
    cards: Cards
    switches: Switches
    metadata: MetadataFiles
    answering: Answering
    volumes: VolumeGroups
    channel: Channel | PaperChannel
    address: MasterIp | PaperMasterIp
    drbd: Module | PaperModule
    programs: Programs
    reset: Reset
    port: int = NODE_DAEMON_PORT

    def memory(self) -> Memory:
        total, available = self.machine.memory()
        drivers = self.hypervisors.values()
        on_paper = sum(driver.memory() for driver in drivers if driver.on_paper)
        held = sum(driver.memory() for driver in drivers if not driver.on_paper)
        return Memory(total, max(available - on_paper, 0), max(total - available - held, 0))

    def hypervisor(self, name: str) -> Hypervisor:
        if name not in self.hypervisors:
            known = ", ".join(self.hypervisors)
            raise WrongInput(f"Parameter 'hypervisor': this node does not support '{name}'; it supports {known}")
        return self.hypervisors[name]

    def storage(self, template: DiskTemplate) -> Storage:
        if template not in self.storages:
            known = ", ".join(self.storages)
            raise WrongInput(f"Parameter 'disk_template': this node does not support '{template}'; it supports {known}")
        return self.storages[template]


def of_this_machine(name: str, paths: Paths, clock: Clock) -> Equipment:
    """A real node."""
    events, machine = Events(), ThisMachine()
    answering, volumes = Answering(), Volumes()
    files = FileStorage(paths, answering)
    plain, block = PlainStorage(volumes), BlockStorage(paths)
    switches = OpenVSwitch()
    drbd, ext = DrbdStorage(name, paths, volumes, Drbd()), ExtStorage(paths)
    return Equipment(
        name,
        paths,
        clock,
        machine,
        events,
        hypervisors={
            "kvm": Kvm(paths, events, clock, machine.boot_id()),
            "fake": FakeHypervisor("fake", PaperFiles(paths.run / "fake"), events, clock),
        },
        storages={
            DiskTemplate.DISKLESS: NoStorage(),
            DiskTemplate.FILE: files,
            DiskTemplate.SHARED_FILE: files,
            DiskTemplate.PLAIN: plain,
            DiskTemplate.BLOCK: block,
            DiskTemplate.DRBD: drbd,
            DiskTemplate.EXT: ext,
            DiskTemplate.RBD: RbdStorage(paths),
            DiskTemplate.GLUSTER: GlusterStorage(paths, answering),
        },
        adopting={DiskTemplate.PLAIN: plain, DiskTemplate.DRBD: drbd, DiskTemplate.BLOCK: block},
        wiping={DiskTemplate.PLAIN: plain, DiskTemplate.DRBD: drbd, DiskTemplate.EXT: ext},
        mirroring={DiskTemplate.DRBD: drbd},
        linking={DiskTemplate.FILE: files, DiskTemplate.SHARED_FILE: files},
        snapshotting={
            DiskTemplate.PLAIN: plain,
            DiskTemplate.DRBD: plain,  # its copies are such volumes
            DiskTemplate.FILE: files,
            DiskTemplate.SHARED_FILE: files,
        },
        labelling={DiskTemplate.PLAIN: plain, DiskTemplate.DRBD: drbd, DiskTemplate.EXT: ext},
        cards=Cards(
            {"bridged": Bridged(), "routed": Routed(), "openvswitch": switches},
            Communication(),
            TapScripts(paths),
        ),
        switches=switches,
        metadata=MetadataFiles(paths, services(paths)),
        answering=answering,
        volumes=volumes,
        channel=Channel(paths),
        address=MasterIp(paths),
        drbd=Module(paths),
        programs=RealPrograms(paths),
        reset=KernelReset(),
    )


def running_guests(paths: Paths) -> list[str]:
    """The names of the guests on this machine, whether or not its node daemon is running."""
    emulated = [directory.path.name for directory in directories(paths) if directory.process() is not None]
    return sorted([*emulated, *PaperFiles(paths.run / "fake")])


@dataclass(frozen=True, slots=True)
class PaperDisks:
    """The disks of a simulated cluster that are not on one node only; ``devices``: sizes in MiB by name."""

    shared: MutableMapping[str, Disk] = field(default_factory=dict)
    devices: MutableMapping[str, int] = field(default_factory=dict)
    copies: Copies = field(default_factory=dict)
    copying: PaperCopies = field(default_factory=PaperCopies)


def on_paper(
    name: str,
    paths: Paths,
    clock: Clock,
    world: PaperDisks,
    machine: Machine | None = None,
) -> Equipment:
    """A simulated node, of which any number fit into one process.

    Nodes with the same ``world`` see the same disks of shared templates, and are peers for mirrored ones.
    """
    events = Events()
    own, shared, mirror = FakeStorage({}), FakeStorage(world.shared), FakeMirror(name, world.copies)
    devices, volumes, snapshots = FakeDevices(world.devices), FakeAdoption(own, mirror), FakeSnapshots(own)
    network = FakeNetwork()
    storages: dict[DiskTemplate, Storage] = {t: shared if TEMPLATES[t].movable else own for t in DiskTemplate}
    return Equipment(
        name,
        paths,
        clock,
        machine or PaperMachine(),
        events,
        # "kvm" too, so that a simulated cluster can otherwise be like a real one.
        hypervisors={kind: FakeHypervisor(kind, {}, events, clock) for kind in ("kvm", "fake")},
        storages=storages | {t: mirror for t in DiskTemplate if TEMPLATES[t].mirrored} | {DiskTemplate.BLOCK: devices},
        adopting={DiskTemplate.PLAIN: volumes, DiskTemplate.DRBD: volumes, DiskTemplate.BLOCK: devices},
        wiping={DiskTemplate.PLAIN: own, DiskTemplate.DRBD: mirror, DiskTemplate.EXT: shared},
        mirroring={DiskTemplate.DRBD: mirror},
        linking={DiskTemplate.FILE: own, DiskTemplate.SHARED_FILE: shared},
        snapshotting={
            DiskTemplate.PLAIN: snapshots,
            DiskTemplate.DRBD: snapshots,
            DiskTemplate.FILE: FakeSnapshots(own),
            DiskTemplate.SHARED_FILE: FakeSnapshots(shared),
        },
        labelling={DiskTemplate.PLAIN: own, DiskTemplate.DRBD: mirror, DiskTemplate.EXT: shared},
        cards=Cards(dict.fromkeys(get_args(NicMode), network), network, TapScripts(paths), network.make),
        switches=FakeSwitches(),
        metadata=MetadataFiles(paths, None),
        answering=Answering(),
        volumes=PaperVolumes(own),
        channel=PaperChannel(name, world.copying),
        address=PaperMasterIp(),
        drbd=PaperModule(),
        programs=PaperPrograms(),
        reset=PaperReset(),
    )
