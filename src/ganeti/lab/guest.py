# SPDX-License-Identifier: BSD-2-Clause
"""The tiny guest: Debian's kernel and busybox, as an OS provider (ganeti-os-interface(7)).

``./run guest`` extracts the Debian packages that it is made of below a cache directory; ``build`` creates
from them ``CACHE/os/tiny``, a directory to be bind-mounted or copied to the search path of OS providers.

On its console (ttyS0) the guest prints ``TINY-GUEST UP name=NAME boot=N`` when user space runs, and from then
on ``COUNT N UPTIME``, where N is only in its memory. It accepts commands there: devices (what it has, and where),
busy (go on changing 32 MiB of its memory), files (go on writing numbered lines to a file of its disk, each told when it
is synced), metadata PATH (what its node's metadata daemon tells it), poweroff, reboot, crash.

A guest of variant ``agent``, or one that is booted with ``initrd-agent.gz``, has QEMU's own guest agent besides.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ganeti.errors import EnvironmentUnfit, ExecutionFailed
from ganeti.lab import initramfs

NAME = "tiny"
SOURCES = Path(__file__).parent / "tiny"
CACHE = Path(__file__).parents[3] / ".cache"  # of the clone, used by ./run
MODULES = (
    "virtio_pci",
    "virtio_blk",
    "virtio_net",
    "virtio_balloon",
    "virtio_console",
    "virtio_mem",
    "button",
    "evdev",
    "pvpanic_pci",
)
DIRECTORIES = ("bin", "dev", "disk", "modules", "proc", "run", "sys")

# What GRUB needs to read the kernel from an ext2 partition of the disk that the firmware started.
GRUB_MODULES = ("biosdisk", "part_msdos", "ext2", "linux")
BOOT_CODE = 446  # bytes of the boot sector before the partition table
SECTOR = 512


@dataclass(frozen=True, slots=True)
class Provider:
    """A ready OS provider; its kernel and initramfs also boot without any disk."""

    directory: Path

    @property
    def kernel(self) -> Path:
        return self.directory / "vmlinuz"

    @property
    def initrd(self) -> Path:
        return self.directory / "initrd.gz"

    @property
    def initrd_with_agent(self) -> Path:
        return self.directory / "initrd-agent.gz"


def build(cache: Path) -> Provider:
    """Create the provider below ``cache``, unless an up-to-date one exists.

    Raises EnvironmentUnfit if the packages have not been extracted or a part of them is missing.
    """
    parts = Parts.find(cache / "debian")
    provider = Provider(cache / "os" / NAME)
    stamp = provider.directory / ".made-of"
    made_of = _fingerprint(parts)
    if stamp.is_file() and stamp.read_text() == made_of:
        return provider
    new = provider.directory.with_name(f".{NAME}.{os.getpid()}")
    shutil.rmtree(new, ignore_errors=True)
    shutil.copytree(SOURCES / "provider", new)
    shutil.copy(parts.kernel, new / "vmlinuz")
    base = initramfs.archive(_entries(parts))
    (new / "initrd.gz").write_bytes(base)
    (new / "initrd-agent.gz").write_bytes(base + initramfs.archive(_agent(parts)))  # the kernel unpacks one by one
    (new / "loader.img").write_bytes(_boot_loader(parts, new))
    (new / stamp.name).write_text(made_of)
    shutil.rmtree(provider.directory, ignore_errors=True)
    try:
        new.rename(provider.directory)
    except OSError:  # another process may have created it meanwhile
        shutil.rmtree(new)
        if not stamp.is_file() or stamp.read_text() != made_of:
            raise
    return provider


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of the guest, in a tree of extracted Debian packages."""

    tree: Path
    kernel: Path
    modules: Path
    busybox: Path
    grub: Path
    agent: Path

    @classmethod
    def find(cls, tree: Path) -> Parts:
        return cls(
            tree,
            kernel=_only(tree, "boot/vmlinuz-*"),
            modules=_only(tree, "lib/modules/*", "usr/lib/modules/*"),
            busybox=_only(tree, "bin/busybox", "usr/bin/busybox"),
            grub=_only(tree, "usr/lib/grub/i386-pc"),
            agent=_only(tree, "usr/sbin/qemu-ga", "usr/bin/qemu-ga"),
        )


def _only(tree: Path, *patterns: str) -> Path:
    found = sorted(path for pattern in patterns for path in tree.glob(pattern))
    if not found:
        raise EnvironmentUnfit(f"The tiny guest's Debian packages are not in {tree}; './run guest' gets them")
    return found[-1]


def _fingerprint(parts: Parts) -> str:
    """Changes with our own files and with the versions of the kernel and the agent."""
    digest = hashlib.sha256(f"{parts.kernel.name} {parts.agent.stat().st_size} {MODULES} {GRUB_MODULES}".encode())
    for path in (*sorted(SOURCES.rglob("*")), Path(__file__), Path(initramfs.__file__)):
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _entries(parts: Parts) -> Iterator[initramfs.Entry]:
    yield from map(initramfs.directory, DIRECTORIES)
    yield initramfs.console()
    yield initramfs.program("bin/busybox", parts.busybox.read_bytes())
    yield initramfs.program("init", (SOURCES / "guest-init").read_bytes())
    for position, path in enumerate(initramfs.modules_for(parts.modules, MODULES)):
        yield initramfs.module(position, path)


def _agent(parts: Parts) -> Iterator[initramfs.Entry]:
    """QEMU's guest agent, and this machine's libraries that it is linked with, each at its own path."""
    files = {Path("/usr/sbin/qemu-ga"): parts.agent} | {path: path for path in _libraries(parts.agent)}
    directories = {parent for path in files for parent in path.parents if parent != Path("/")}
    for parent in sorted(directories):
        yield initramfs.directory(str(parent.relative_to("/")))
    for path, content in files.items():
        yield initramfs.program(str(path.relative_to("/")), content.read_bytes())


def _libraries(program: Path) -> list[Path]:
    """Raises EnvironmentUnfit if this machine lacks one."""
    told = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
    if lacking := re.findall(r"(\S+) => not found", told):
        raise EnvironmentUnfit(f"The tiny guest's agent needs {', '.join(lacking)}, which come with QEMU's packages")
    return [Path(path) for path in re.findall(r"(/\S+) \(0x", told)]


def _boot_loader(parts: Parts, scratch: Path) -> bytes:
    """The disk's first sectors: GRUB's boot sector loads what follows it.

    The partition table, which lies within the boot sector, is left empty.
    """
    core = scratch / "core.img"
    libraries = [*parts.tree.glob("lib/*-linux-gnu"), *parts.tree.glob("usr/lib/*-linux-gnu")]
    done = subprocess.run(
        [
            parts.tree / "usr/bin/grub-mkimage",
            *("--format", "i386-pc", "--directory", parts.grub, "--prefix", "/boot"),
            *("--config", SOURCES / "grub.cfg", "--output", core, *GRUB_MODULES),
        ],
        env={"LD_LIBRARY_PATH": ":".join(map(str, libraries))},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ExecutionFailed(f"The tiny guest's boot loader cannot be made: {done.stderr.strip()}")
    sector = (parts.grub / "boot.img").read_bytes()[:BOOT_CODE].ljust(SECTOR, b"\0")
    loader = sector + core.read_bytes()
    core.unlink()
    return loader
