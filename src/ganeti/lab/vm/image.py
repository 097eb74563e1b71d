# SPDX-License-Identifier: BSD-2-Clause
"""The boot image of all nodes: an ext4 image of Debian, which is never written to, and its kernel."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from ganeti.errors import EnvironmentUnfit
from ganeti.lab.vm import tree
from ganeti.lab.vm.work import work

SIZE = "10G"  # sparse; its free space is for the node
_STAMP = ".made-of"


@dataclass(frozen=True, slots=True)
class Image:
    """``directory`` is only changed by the one lab of virtual machines that is up (``plan.TURN``)."""

    directory: Path

    @property
    def root(self) -> Path:
        return self.directory / "root.img"

    @property
    def kernel(self) -> Path:
        return self.directory / "vmlinuz"

    @property
    def modules(self) -> Path:
        """The kernel's ``lib/modules/VERSION``."""
        return self.directory / "modules"

    @property
    def busybox(self) -> Path:
        return self.directory / "busybox"

    @property
    def made_of(self) -> str:
        return (self.directory / _STAMP).read_text()


def image_at(cache: Path, suite: str) -> Image:
    """Resolved, since disks refer to it by path, also if clones share a directory through a link."""
    return Image((cache / "machines").resolve() / suite)


def image(cache: Path, suite: str) -> Image:
    """Built, in minutes, unless an up-to-date one exists. Raises EnvironmentUnfit, ExecutionFailed."""
    found = image_at(cache, suite)
    stamp = found.directory / _STAMP
    made_of = _fingerprint(suite)
    if not stamp.is_file() or stamp.read_text() != made_of:
        _build(found, suite)
        stamp.write_text(made_of)
    return found


def _build(target: Image, suite: str) -> None:
    shutil.rmtree(target.directory, ignore_errors=True)
    target.directory.mkdir(parents=True)
    debian = tree.Tree(target.directory / "root", target.directory / "build.log")
    debian.make(tree.release(suite))
    shutil.copy(_newest(debian.root, "boot/vmlinuz-*"), target.kernel)
    shutil.copytree(_newest(debian.root, "usr/lib/modules/*", "lib/modules/*"), target.modules, symlinks=True)
    shutil.copy(_newest(debian.root, "usr/bin/busybox", "bin/busybox"), target.busybox)
    make = ("mke2fs", "-q", "-t", "ext4", "-L", "root", "-d", debian.root, target.root, SIZE)
    work("Node image: file system", *make, log=debian.log)
    shutil.rmtree(debian.root)


def _newest(root: Path, *patterns: str) -> Path:
    found = sorted(path for pattern in patterns for path in root.glob(pattern))
    if not found:
        raise EnvironmentUnfit(f"The node image has no {patterns[0]}")
    return found[-1]


def _fingerprint(suite: str) -> str:
    digest = hashlib.sha256(f"{suite} {tree.packages()} {tree.requirements()} {SIZE}".encode())
    for path in (Path(__file__), Path(tree.__file__), *sorted(tree.SOURCES.rglob("*"))):
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()
