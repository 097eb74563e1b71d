# SPDX-License-Identifier: BSD-2-Clause
"""Where the devices of a guest's machine are.

Every device is given its place, so that both ends of a migration have it in the same one and so that
a device plugged in later gets one that is free.

On q35 each PCI Express device has a root port of its own, spare ones included (a port cannot be added
to a running machine); older devices sit on the root bus itself, as QEMU's docs/pcie.txt advises. On pc
all devices sit on its one PCI bus.
"""

from __future__ import annotations

from ganeti.errors import WrongInput
from ganeti.node.hypervisor.kvm.plan import LaunchPlan, refused

# The types of the oldest QEMU that is supported: a guest that names none can move between nodes whose
# QEMUs differ, also back again.
_PINNED = {"": "pc-q35-7.2", "q35": "pc-q35-7.2", "pc": "pc-i440fx-7.2"}
_FAMILIES = {"q35": ("q35", "pc-q35"), "pc": ("pc", "pc-i440fx")}

_PORTS_A_SLOT = 8
# Slots of pcie.0: 0 is the host bridge, 1 the graphics card, 31 the board's own controllers.
_FIRST_PORT_SLOT = 2
_LAST_PORT_SLOT = 15
_CONVENTIONAL_SLOTS = range(16, 31)
# Slots of pci.0: 0 is the host bridge, 1 the board's own controllers, 2 the graphics card.
_PC_SLOTS = range(3, 32)

_SCSI_IDS = {"lsi": 7, "megasas": 64, "virtio-scsi-pci": 255}
_SCSI_DEVICES = {"lsi": "lsi53c895a", "megasas": "megasas", "virtio-scsi-pci": "virtio-scsi-pci"}


def machine_type(plan: LaunchPlan) -> str:
    """QEMU's name of the machine. Raises WrongInput for one that it does not have or we cannot equip."""
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


class Board:
    """Gives out places, in the order in which they are asked for."""

    def __init__(self, plan: LaunchPlan) -> None:
        self._plan = plan
        self.is_q35 = _belongs(machine_type(plan), "q35")
        self._spare = plan.parameters.kvm_pci_reservations
        self._ports = 0
        self._conventional = 0
        self._ide = 0
        self._scsi = 0
        self._sd = False
        self._channels = False
        self._controllers: list[str] = []

    def express(self) -> str:
        """The place of a device that is at home on PCI Express: virtio and the like."""
        if not self.is_q35:
            return self._on_pc()
        self._ports += 1
        return f"bus=port{self._ports - 1},addr=0x0"

    def conventional(self) -> str:
        """The place of an older PCI device."""
        if not self.is_q35:
            return self._on_pc()
        self._conventional += 1
        if self._conventional > len(_CONVENTIONAL_SLOTS):
            raise WrongInput(f"A q35 machine takes {len(_CONVENTIONAL_SLOTS)} devices that are no PCI Express ones")
        return f"bus=pcie.0,addr={_CONVENTIONAL_SLOTS[self._conventional - 1]:#x}"

    def ide(self) -> str:
        """q35 has six SATA ports, pc two IDE channels of two drives."""
        self._ide += 1
        if self._ide > (6 if self.is_q35 else 4):
            raise refused("disk_type", f"the machine takes {self._ide - 1} IDE drives, disks and CD drives together")
        if self.is_q35:
            return f"bus=ide.{self._ide - 1}"
        return f"bus=ide.{(self._ide - 1) // 2},unit={(self._ide - 1) % 2}"

    def scsi(self) -> str:
        kind = self._plan.parameters.scsi_controller_type
        if not self._scsi:
            place = self.conventional() if kind == "lsi" else self.express()
            self._controllers += ["-device", f"{_SCSI_DEVICES[kind]},id=scsi0,{place}"]
        self._scsi += 1
        if self._scsi > _SCSI_IDS[kind]:
            raise refused("scsi_controller_type", f"'{kind}' takes {_SCSI_IDS[kind]} drives")
        return f"bus=scsi0.0,scsi-id={self._scsi - 1}"

    def sd(self) -> str:
        """QEMU cannot tell the buses of two card readers apart."""
        if self._sd:
            raise refused("disk_type", "the machine takes one disk of type 'sd'")
        self._sd = True
        self._controllers += ["-device", f"sdhci-pci,id=sd0,{self.conventional()}"]
        return "bus=sd-bus"

    def serial_bus(self) -> str:
        """The bus of channels between guest and node."""
        if not self._channels:
            self._channels = True
            self._controllers += ["-device", f"virtio-serial-pci,id=channels0,{self.express()}"]
        return "channels0.0"

    def words(self) -> list[str]:
        """Ports, spare ones included, and controllers; they come before the devices on them."""
        if not self.is_q35:
            self._check_spare_on_pc()
            return self._controllers
        total = self._ports + self._spare
        most = (_LAST_PORT_SLOT - _FIRST_PORT_SLOT + 1) * _PORTS_A_SLOT
        if total > most:
            raise refused("kvm_pci_reservations", f"the machine has {most} slots, {self._ports} of them in use")
        return [word for number in range(total) for word in ("-device", _port(number))] + self._controllers

    def _on_pc(self) -> str:
        self._conventional += 1
        if self._conventional > len(_PC_SLOTS):
            raise WrongInput(f"A pc machine takes {len(_PC_SLOTS)} devices; choose q35 for more")
        return f"bus=pci.0,addr={_PC_SLOTS[self._conventional - 1]:#x}"

    def _check_spare_on_pc(self) -> None:
        if self._conventional + self._spare > len(_PC_SLOTS):
            raise refused(
                "kvm_pci_reservations",
                f"a pc machine has {len(_PC_SLOTS)} slots, {self._conventional} of them in use",
            )


def _port(number: int) -> str:
    slot, function = divmod(number, _PORTS_A_SLOT)
    place = f"addr={_FIRST_PORT_SLOT + slot:#x}.{function:#x}"
    first = ",multifunction=on" if function == 0 else ""
    return f"pcie-root-port,id=port{number},bus=pcie.0,{place},chassis={number + 1}{first}"
