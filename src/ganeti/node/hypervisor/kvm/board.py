# SPDX-License-Identifier: BSD-2-Clause
"""Where the devices of a guest's machine are.

Every device has a fixed place, so that it is the same on both ends of a migration and a device plugged
in later gets a free one. Hotplugged devices keep their places at the next start, as recorded in the layout
(``model/layout.py``).

On q35 each PCI Express device has a root port of its own, spare ones included (a port cannot be added
to a running machine); older devices sit on the root bus itself, as QEMU's docs/pcie.txt advises. On pc
all devices sit on its one PCI bus.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from msgspec.structs import replace

from ganeti.errors import WrongInput
from ganeti.model.layout import Layout
from ganeti.node.hypervisor.kvm.devices import card_name, device, disk_name, option, places_kept
from ganeti.node.hypervisor.kvm.plan import LaunchPlan, refused

# The machine types of the oldest supported QEMU: by default a guest can migrate between nodes with
# different versions of QEMU, in both directions.
_PINNED = {"": "pc-q35-7.2", "q35": "pc-q35-7.2", "pc": "pc-i440fx-7.2"}
_FAMILIES = {"q35": ("q35", "pc-q35"), "pc": ("pc", "pc-i440fx")}

# Prefixes of places in a layout: a root port, a slot of pcie.0, one of pci.0, a number on the SCSI bus.
_PORT, _ROOT, _SLOT, _SCSI = "port", "root", "slot", "scsi"

_PORTS_A_SLOT = 8
# Slots of pcie.0: 0 is the host bridge, 1 the graphics card, 31 the board's own controllers.
_FIRST_PORT_SLOT = 2
_LAST_PORT_SLOT = 15
_PORTS = range((_LAST_PORT_SLOT - _FIRST_PORT_SLOT + 1) * _PORTS_A_SLOT)
_CONVENTIONAL_SLOTS = range(16, 31)
# Slots of pci.0: 0 is the host bridge, 1 the board's own controllers, 2 the graphics card.
_PC_SLOTS = range(3, 32)

IO_THREAD = "io"  # with a number: QEMU's name for a thread for the I/O of disks

_SCSI_IDS = {"lsi": 7, "megasas": 64, "virtio-scsi-pci": 255}
_SCSI_DEVICES = {"lsi": "lsi53c895a", "megasas": "megasas", "virtio-scsi-pci": "virtio-scsi-pci"}


def machine_type(plan: LaunchPlan) -> str:
    """QEMU's name of the machine type. Raises WrongInput for one that QEMU or this software does not support."""
    wanted = plan.parameters.machine_version
    pinned = _PINNED.get(wanted, wanted)
    name = pinned if pinned in plan.qemu.machines else (wanted or "q35")
    if name not in plan.qemu.machines or not any(_belongs(name, family) for family in _FAMILIES):
        known = sorted(m for m in plan.qemu.machines if any(_belongs(m, family) for family in _FAMILIES))
        raise refused(
            "machine_version",
            f"QEMU {plan.qemu.version_text} on this node has no PC machine '{wanted}'; it has {', '.join(known)}",
        )
    return name


def _belongs(machine: str, family: str) -> bool:
    exact, prefix = _FAMILIES[family]
    return machine == exact or machine.startswith(f"{prefix}-")


# Options of a device that give its place.
Place = dict[str, Any]


class Board:
    """Assigns places: to each device the one that it has in the guest's layout, or the first free one.

    ``running``: the machine is running, and cannot get more slots.
    """

    def __init__(self, plan: LaunchPlan, *, running: bool = False) -> None:
        self._plan = plan
        self._running = running
        self.is_q35 = _belongs(machine_type(plan), "q35")
        self._known = _layout_of(plan, "q35" if self.is_q35 else "pc")
        self._kept = self._known.places if running else places_kept(self._known, _present(plan))
        self._occupied = set(self._kept.values())
        self._places: dict[str, str] = {}
        self._new = 0  # number of new devices that need a slot
        self._ide = 0
        self._sd = False
        self._controllers: list[str] = []

    def express(self, name: str) -> Place:
        """The place of a PCI Express device, such as virtio."""
        if not self.is_q35:
            return self._on_pc(name)
        ports = range(self._known.slots) if self._running else _PORTS
        full = refused("kvm_pci_reservations", f"the machine has {len(ports)} slots, and all are in use")
        return {"bus": f"port{self._number(name, _PORT, ports, full)}", "addr": "0x0"}

    def conventional(self, name: str) -> Place:
        """The place of an older PCI device."""
        if not self.is_q35:
            return self._on_pc(name)
        most = len(_CONVENTIONAL_SLOTS)
        full = WrongInput(f"A q35 machine takes {most} devices that are no PCI Express ones")
        return {"bus": "pcie.0", "addr": f"{self._number(name, _ROOT, _CONVENTIONAL_SLOTS, full):#x}"}

    def ide(self) -> Place:
        """q35 has six SATA ports, pc two IDE channels of two drives."""
        self._ide += 1
        if self._ide > (6 if self.is_q35 else 4):
            raise refused("disk_type", f"the machine takes {self._ide - 1} IDE drives, disks and CD drives together")
        if self.is_q35:
            return {"bus": f"ide.{self._ide - 1}"}
        return {"bus": f"ide.{(self._ide - 1) // 2}", "unit": (self._ide - 1) % 2}

    def scsi(self, name: str) -> Place:
        kind = self._plan.parameters.scsi_controller_type
        if self._running and "scsi0" not in self._kept:
            raise refused("disk_type", "the machine was started without a SCSI controller")
        if "scsi0" not in self._places:
            place = self.conventional("scsi0") if kind == "lsi" else self.express("scsi0")
            queues = self._plan.queues("num_queues") if kind == "virtio-scsi-pci" else {}
            of_disks = self._plan.parameters.disk_iothreads and self._plan.parameters.disk_type != "paravirtual"
            thread = {"iothread": f"{IO_THREAD}0"} if of_disks else {}
            self._controllers += option(device(_SCSI_DEVICES[kind], {"id": "scsi0"}, place, queues, thread))
        full = refused("scsi_controller_type", f"'{kind}' takes {_SCSI_IDS[kind]} drives")
        return {"bus": "scsi0.0", "scsi-id": self._number(name, _SCSI, range(_SCSI_IDS[kind]), full)}

    def sd(self) -> Place:
        """QEMU cannot distinguish the buses of two card readers."""
        if self._sd:
            raise refused("disk_type", "the machine takes one disk of type 'sd'")
        self._sd = True
        self._controllers += option(device("sdhci-pci", {"id": "sd0"}, self.conventional("sd0")))
        return {"bus": "sd-bus"}

    def serial_bus(self) -> str:
        """The bus for channels between guest and node."""
        if "channels0" not in self._places:
            place = self.express("channels0")
            self._controllers += option(device("virtio-serial-pci", {"id": "channels0"}, place))
        return "channels0.0"

    def words(self) -> list[str]:
        """The arguments for ports, spare ones included, and controllers; they precede the devices on them."""
        slots = self._slots
        most = len(_PORTS if self.is_q35 else _PC_SLOTS)
        if slots > most:
            kind = "the machine" if self.is_q35 else "a pc machine"
            raise refused("kvm_pci_reservations", f"{kind} has {most} slots, {self._in_use} of them in use")
        ports = [word for number in range(slots if self.is_q35 else 0) for word in ("-device", _port(number))]
        return ports + self._controllers

    @property
    def layout(self) -> Layout:
        """The present places of all devices."""
        if self._running:
            return replace(self._known, places=self._known.places | self._places)
        return replace(self._known, slots=self._slots, spare=self._spare, places=self._places)

    @property
    def _spare(self) -> int:
        return self._plan.parameters.kvm_pci_reservations

    @property
    def _slots(self) -> int:
        """The number of slots: those in use, and spare ones, of which each hotplugged device permanently takes one."""
        last = max((number + 1 for number in self._numbers(_PORT)), default=0)
        return max(last, self._known.slots + self._new + self._spare - self._known.spare)

    @property
    def _in_use(self) -> int:
        return len([*self._numbers(_PORT), *self._numbers(_SLOT)])

    def _numbers(self, row: str) -> Iterator[int]:
        for place in self._places.values():
            kind, _, number = place.partition("/")
            if kind == row:
                yield int(number)

    def _on_pc(self, name: str) -> Place:
        full = WrongInput(f"A pc machine takes {len(_PC_SLOTS)} devices; choose q35 for more")
        return {"bus": "pci.0", "addr": f"{self._number(name, _SLOT, _PC_SLOTS, full):#x}"}

    def _number(self, name: str, row: str, numbers: Sequence[int], full: WrongInput) -> int:
        """Raises ``full`` if none is left."""
        kind, _, kept = self._kept.get(name, "").partition("/")
        if kind == row and int(kept) in numbers:
            number = int(kept)
        else:
            number = _first_free(numbers, row, self._occupied, full)
            self._new += row in (_PORT, _SLOT)
        self._places[name] = f"{row}/{number}"
        self._occupied.add(self._places[name])
        return number


def _first_free(numbers: Iterable[int], row: str, occupied: set[str], full: WrongInput) -> int:
    number = next((number for number in numbers if f"{row}/{number}" not in occupied), None)
    if number is None:
        raise full
    return number


def _layout_of(plan: LaunchPlan, board: str) -> Layout:
    """The guest's layout, if it is for this type of machine."""
    known = plan.guest.layout
    return known if known and known.board == board else Layout(board=board)


def _present(plan: LaunchPlan) -> set[str]:
    """The disks and NICs that the guest should have."""
    disks, taps = plan.resources.disks, plan.resources.taps
    return {disk_name(opened.disk) for opened in disks} | {card_name(tap.nic) for tap in taps}


def _port(number: int) -> str:
    slot, function = divmod(number, _PORTS_A_SLOT)
    place = f"addr={_FIRST_PORT_SLOT + slot:#x}.{function:#x}"
    first = ",multifunction=on" if function == 0 else ""
    return f"pcie-root-port,id=port{number},bus=pcie.0,{place},chassis={number + 1}{first}"
