# SPDX-License-Identifier: BSD-2-Clause
"""Our own software on a virtual node, as installed by './run install', but directly from the clone.

The image has a virtual environment with its dependencies, in which a ``.pth`` file points here.
"""

from __future__ import annotations

import compileall
import hashlib
import io
import json
import tarfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ganeti.cli.completion.answer import setup
from ganeti.lab.plan import LabPlan
from ganeti.lab.vm import power
from ganeti.lab.vm.machine import Machine, each
from ganeti.lab.vm.tree import CLONE, SOFTWARE, VENV

_DISK = "/dev/vdd"
_DISK_SIZE = 64 << 20  # bytes
_SOURCE = CLONE / "src/ganeti"
_OS = "usr/share/ganeti/os"
_UNITS = "etc/systemd/system"
_SCRIPT = "#!/{venv}/bin/python3\nimport sys\nfrom {module} import {function}\nsys.exit({function}())\n"


@dataclass(frozen=True, slots=True)
class Cargo:
    """Files for nodes, by path. They are transferred as a disk, which no emulated processor has to decrypt."""

    files: dict[str, bytes | Path]

    def bring(self, nodes: Sequence[Machine], manifest: Path) -> None:
        """Set the clocks of nodes, and copy what has changed to them. Running daemons keep what they have.

        ``manifest``: what the nodes have; updated to what they have afterwards.
        """
        there: dict[str, str] = json.loads(manifest.read_text()) if manifest.exists() else {}
        wanted = {place: _digest(content) for place, content in self.files.items()}
        changed = [place for place, digest in wanted.items() if there.get(place) != digest]
        if changed:
            self._load(power.cargo_disk(nodes[0].plan), changed)
        script = _script(changed, removed=sorted(there.keys() - wanted))
        each(nodes, lambda node: node.script(f"date --set=@{time.time():.2f} >/dev/null\n{script}"))
        manifest.write_text(json.dumps(wanted))

    def _load(self, disk: Path, places: Sequence[str]) -> None:
        with disk.open("r+b") as target, tarfile.open(fileobj=target, mode="w") as archive:
            for place in places:
                _add(archive, place, self.files[place])


def insert_disk(plan: LabPlan) -> None:
    """Before nodes are switched on; its size stays the same."""
    with power.cargo_disk(plan).open("wb") as disk:
        disk.truncate(_DISK_SIZE)


def cargo(provider: Path | None) -> Cargo:
    """The software as it is in the clone now, and an OS provider's directory."""
    compileall.compile_dir(_SOURCE, quiet=2)  # compiled here: on an emulated processor it would take long
    providers = {f"{_OS}/{path.relative_to(provider.parent)}": path for path in _files(provider)} if provider else {}
    return Cargo({**dict(_software()), **providers})


def _script(changed: Sequence[str], removed: Sequence[str]) -> str:
    steps = [f"rm -f /{place}" for place in removed]
    if changed:
        steps += [f"blockdev --flushbufs {_DISK}", f"tar --extract --no-same-owner --directory / --file {_DISK}"]
    if any(place.startswith(_UNITS) for place in (*changed, *removed)):
        steps.append("systemctl daemon-reload")
    return "\n".join(steps)


def _software() -> Iterator[tuple[str, bytes | Path]]:
    for path in _files(_SOURCE):
        yield f"{SOFTWARE}/{path.relative_to(_SOURCE.parent)}", path
    yield from _entry_points()
    for unit in _files(CLONE / "packaging/systemd"):
        yield f"{_UNITS}/{unit.name}", unit
    yield "etc/logrotate.d/ganeti", CLONE / "packaging/logrotate/ganeti"
    yield "etc/bash_completion.d/ganeti", f"{setup()}\n".encode()


def _files(directory: Path) -> list[Path]:
    return [path for path in sorted(directory.rglob("*")) if path.is_file()]


def _add(archive: tarfile.TarFile, place: str, content: bytes | Path) -> None:
    if isinstance(content, Path):
        archive.add(content, place)
    else:
        entry = tarfile.TarInfo(place)
        entry.size, entry.mode = len(content), 0o755
        archive.addfile(entry, io.BytesIO(content))


def _entry_points() -> Iterator[tuple[str, bytes]]:
    """The commands, and the metadata of an installed package for importlib.metadata."""
    project = tomllib.loads((CLONE / "pyproject.toml").read_text())["project"]
    named = "".join(f"{name} = {target}\n" for name, target in project["scripts"].items())
    about = f"{SOFTWARE}/ganeti-{project['version']}.dist-info"
    yield f"{about}/METADATA", f"Metadata-Version: 2.1\nName: ganeti\nVersion: {project['version']}\n".encode()
    yield f"{about}/entry_points.txt", f"[console_scripts]\n{named}".encode()
    for name, target in project["scripts"].items():
        module, _, function = target.partition(":")
        text = _SCRIPT.format(venv=VENV, module=module, function=function).encode()
        yield f"{VENV}/bin/{name}", text
        yield f"usr/local/sbin/{name}", text


def _digest(content: bytes | Path) -> str:
    return hashlib.sha256(content.read_bytes() if isinstance(content, Path) else content).hexdigest()
