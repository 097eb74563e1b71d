# SPDX-License-Identifier: BSD-2-Clause
"""``python -m ganeti.lab.vm.power``: becomes the QEMU of a node, in the namespaces of its lab."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ganeti.lab import pidlock
from ganeti.lab.plan import LabPlan, decode
from ganeti.lab.vm import wiring
from ganeti.lab.vm.counter import kilohertz
from ganeti.lab.vm.image import Image

MEMORY = 1536  # MiB
DISKS = ("system", "data1", "data2")  # /dev/vda, vdb, vdc
DATA_SIZE = "6G"
QEMU = "qemu-system-x86_64"

# The machine's own KVM is not used: where it is virtual itself, Debian's kernel may hang in it.
# "max" has AMD's virtualisation with nested paging, so KVM works on nodes. With a second processor QEMU 7.2 may
# execute stale code that the first one has just replaced, as Linux does when a guest starts or ends: the node hangs.
_MACHINE = (
    *("-accel", "tcg,thread=single", "-cpu", "max", "-smp", "1", "-m", str(MEMORY)),
    *("-machine", "q35,sata=off,smbus=off,i8042=off"),
    *("-nodefaults", "-display", "none"),
    *("-object", "rng-random,id=rng,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=rng"),
    # Nodes restored from the same state must not generate the same secrets: this device notifies the kernel.
    *("-device", "vmgenid,guid=auto"),
)
# A kernel cannot calibrate by waiting if its processor may have to wait itself.
_KERNEL = (
    "console=ttyS0 root=/dev/vda quiet mitigations=off nokaslr net.ifnames=0 no_timer_check tsc=reliable tsc_early_khz="
)


def disk(plan: LabPlan, node: str, name: str) -> Path:
    return plan.stored / node / f"{name}.qcow2"


def cargo_disk(plan: LabPlan) -> Path:
    """/dev/vdd of all nodes, by which they get our software."""
    return plan.running / "cargo.tar"


def command(plan: LabPlan, node: str, image: Image, monitor: int, state: Path | None) -> list[str]:
    """``monitor``: an open listening socket. ``state``: one to resume from instead of booting."""
    words = [QEMU, "-name", node, *_MACHINE]
    words += [
        "-kernel",
        f"{image.kernel}",
        "-initrd",
        f"{plan.running / node}.initrd",
        "-append",
        f"{_KERNEL}{kilohertz()}",
    ]
    words += ["-chardev", f"socket,id=monitor,fd={monitor},server=on,wait=off", "-mon", "monitor,mode=control"]
    words += ["-chardev", f"file,id=serial,path={plan.running / node}.console,append=on", "-serial", "chardev:serial"]
    for name in DISKS:
        # Only a crash of the machine would lose what a node has written, and that is the lab's end.
        words += ["-drive", f"file={disk(plan, node, name)},if=none,id={name},cache=unsafe,discard=unmap"]
        words += ["-device", f"virtio-blk-pci,drive={name},serial={name}"]
    words += ["-drive", f"file={cargo_disk(plan)},format=raw,if=none,id=cargo,readonly=on,cache=unsafe"]
    words += ["-device", "virtio-blk-pci,drive=cargo,serial=cargo"]
    for cable in wiring.CABLES:
        words += ["-netdev", f"tap,id={cable.card},ifname={cable.tap(node)},script=no,downscript=no"]
        words += ["-device", f"virtio-net-pci,netdev={cable.card},mac={cable.mac(plan, node)}"]
    return words + (["-incoming", f"exec:cat {state}"] if state else [])


def main(running: str, node: str, image: str, monitor: str, state: str = "") -> int:
    plan = decode((Path(running) / "plan.json").read_text())
    pidlock.hold(plan.lock(node))
    wiring.plug(node)
    os.set_inheritable(int(monitor), True)
    words = command(plan, node, Image(Path(image)), int(monitor), Path(state) if state else None)
    os.execvp(words[0], words)  # noqa: S606 - what holds the lock is the machine itself


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
