# SPDX-License-Identifier: BSD-2-Clause
"""An initramfs for a Linux kernel, built without distributions' tools.

The archive is cpio's "newc" format (Documentation/driver-api/early-userspace/buffer-format.rst of Linux).
"""

from __future__ import annotations

import gzip
import lzma
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ganeti.errors import EnvironmentUnfit

_DEPENDS = re.compile(rb"\0depends=([^\0]*)\0")
_CONSOLE = (5, 1)  # major and minor number of /dev/console


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the archive; ``mode`` includes its type. ``device``: major and minor number."""

    path: str
    mode: int
    content: bytes = b""
    device: tuple[int, int] = (0, 0)


def directory(path: str) -> Entry:
    return Entry(path, stat.S_IFDIR | 0o755)


def program(path: str, content: bytes) -> Entry:
    return file(path, content, 0o755)


def file(path: str, content: bytes, mode: int) -> Entry:
    return Entry(path, stat.S_IFREG | mode, content)


def console() -> Entry:
    """The standard input and output of process 1: the kernel opens it before anything can be mounted."""
    return Entry("dev/console", stat.S_IFCHR | 0o600, device=_CONSOLE)


def module(position: int, path: Path) -> Entry:
    """A kernel module as ``modules/NN-name.ko``: names sort in the order of loading."""
    return file(f"modules/{position:02}-{_name(path)}.ko", _content(path), 0o644)


def archive(entries: Iterable[Entry]) -> bytes:
    """The compressed archive; equal entries give equal bytes."""
    packed = b"".join(_pack(number, entry) for number, entry in enumerate(entries, 1))
    return gzip.compress(packed + _pack(0, Entry("TRAILER!!!", 0)), mtime=0)


def modules_for(tree: Path, wanted: Iterable[str]) -> list[Path]:
    """The ``wanted`` modules and their dependencies, in the order of loading.

    ``tree`` is a kernel's ``lib/modules/VERSION``. What is built into the kernel is left out.
    Raises EnvironmentUnfit if the kernel lacks one of them.
    """
    files = {_name(path): path for path in sorted(tree.rglob("*.ko*"))}
    built_in = {_name(Path(line)) for line in (tree / "modules.builtin").read_text().split()}
    order: dict[str, Path] = {}

    def add(name: str) -> None:
        if name in built_in or name in order:
            return
        if name not in files:
            raise EnvironmentUnfit(f"The kernel in {tree} has no module '{name}', which is needed")
        for needed in _needs(files[name]):
            add(needed)
        order[name] = files[name]

    for name in wanted:
        add(name)
    return list(order.values())


def _name(path: Path) -> str:
    """A module's name; in file names ``-`` and ``_`` mean the same."""
    return path.name.partition(".")[0].replace("-", "_")


def _content(path: Path) -> bytes:
    """A module as the kernel loads it; Debian 13 has them compressed."""
    return lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path.read_bytes()


def _needs(path: Path) -> list[str]:
    found = _DEPENDS.search(_content(path))
    return [name.replace("-", "_") for name in found[1].decode().split(",") if name] if found else []


def _pack(number: int, entry: Entry) -> bytes:
    """Header of 13 numbers, name and content, each padded to a multiple of 4 bytes."""
    name = entry.path.encode() + b"\0"
    numbers = (number, entry.mode, 0, 0, 1, 0, len(entry.content), 0, 0, *entry.device, len(name), 0)
    header = b"070701" + b"".join(b"%08X" % value for value in numbers)
    return _padded(header + name) + _padded(entry.content)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
