# SPDX-License-Identifier: BSD-2-Clause
"""The machines of a whole cluster on one machine.

``up`` creates one, ``find`` finds one that another process has created, ``down`` removes every trace, also
of one that failed half-way or was running when the machine lost power. Requires root.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import ganeti
from ganeti.errors import EnvironmentUnfit, UnknownEntity, WrongState
from ganeti.lab import network, pidlock
from ganeti.lab.node import Node, end, node_of, start
from ganeti.lab.plan import RUNNING, STORED, LabPlan, decode, free_network, node_names

PROGRAMS = ("ip", "mount", "nsenter", "pivot_root", "setsid", "ssh-keygen", "sshd", "unshare")


@dataclass(frozen=True, slots=True)
class Lab:
    """A lab that is up. As a context manager it is taken down at the end."""

    plan: LabPlan

    @classmethod
    def up(cls, name: str, *, nodes: int = 3, reachable: bool = False, provider: Path | None = None) -> Lab:
        """Start a lab and all of its nodes.

        ``reachable``: give this machine an address in the lab's network; otherwise the two are separate.
        ``provider``: an OS provider's directory, for all nodes. Raises WrongState if the lab is up already.
        """
        check_machine()
        plan = LabPlan(
            name=name,
            nodes=node_names(nodes),
            network=free_network(network.networks_in_use() if reachable else ()),
            reachable=reachable,
            visible=hidden_directories(),
            provider=provider,
        )
        if pidlock.holder(plan.lock("lab")):
            raise WrongState(f"The lab '{name}' is up already")
        down(name)
        try:
            start_fabric(plan)
            for starting in [Node(plan, node).boot() for node in plan.nodes]:
                starting.wait()
        except BaseException:
            down(name)
            raise
        return cls(plan)

    @classmethod
    def find(cls, name: str) -> Lab:
        """Raises UnknownEntity if it is not up."""
        return cls(find_plan(name))

    @property
    def nodes(self) -> tuple[Node, ...]:
        return tuple(Node(self.plan, name) for name in self.plan.nodes)

    def node(self, name: str) -> Node:
        """Raises UnknownEntity."""
        return node_of(self.plan, name)

    def down(self) -> None:
        down(self.plan.name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()


def down(name: str) -> None:
    """Remove every trace of a lab, whatever is left of it."""
    running, stored = RUNNING / name, STORED / name
    first = pidlock.holder(running / "lab.lock")
    if first is not None:
        end(first)
    with suppress(FileNotFoundError):
        network.unplug_machine(decode((running / "plan.json").read_text()))
    for directory in (running, stored):
        _remove(directory)


def _remove(directory: Path) -> None:
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    if any(Path(place).is_relative_to(directory) for place in mounts):
        # All mounts of a lab are its own namespace's. Whatever this is, its content must not be deleted.
        raise WrongState(f"Something is mounted below {directory}; unmount it first")
    shutil.rmtree(directory, ignore_errors=True)
    with suppress(OSError):  # the parent is removed with the last lab
        directory.parent.rmdir()


def check_machine(*programs: str) -> None:
    """Raises EnvironmentUnfit with what is missing: ``programs`` besides what every lab needs."""
    if os.geteuid() != 0:
        raise EnvironmentUnfit("A lab needs root: it makes namespaces, mounts and network interfaces")
    search = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    lacking = [program for program in (*PROGRAMS, *programs) if not shutil.which(program, path=search)]
    if lacking:
        raise EnvironmentUnfit(f"This machine lacks {', '.join(lacking)}; './run demo' installs what is needed")


def hidden_directories() -> tuple[Path, ...]:
    """Directories of this installation that nodes would not see, because they aren't in the root file system.

    The clone is always among them: nodes then see changes in it immediately.
    """
    code = Path(ganeti.__file__).parent
    clone = code.parents[1] if (code.parents[1] / "pyproject.toml").is_file() else code
    root = Path("/").stat().st_dev
    needed = {Path(sys.prefix), Path(sys.base_prefix), Path("/usr")}
    hidden = {path for path in needed if path.stat().st_dev != root or path.parts[1] in ("run", "tmp")}
    chosen = {clone, *hidden}
    return tuple(sorted(path for path in chosen if chosen.isdisjoint(path.parents)))


def find_plan(name: str) -> LabPlan:
    """The plan of a lab that is up, whatever the type of its nodes. Raises UnknownEntity."""
    found = RUNNING / name / "plan.json"
    if not found.is_file() or not pidlock.holder(found.with_name("lab.lock")):
        raise UnknownEntity(f"There is no lab '{name}'")
    return decode(found.read_text())


def start_fabric(plan: LabPlan) -> None:
    """All of a lab but its nodes."""
    for directory in (plan.running, plan.keys, plan.stored, plan.shared):
        directory.mkdir(parents=True, mode=0o700)
    (plan.running / "plan.json").write_text(plan.encode())
    for owner in ("root", *plan.nodes):
        _make_key(plan, owner)
    start(plan, "lab").wait()
    if plan.reachable:
        network.plug_machine(plan, _first(plan))


def _make_key(plan: LabPlan, owner: str) -> None:
    command = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"{owner}@lab", "-f", plan.keys / owner)
    subprocess.run(command, check=True, capture_output=True)


def _first(plan: LabPlan) -> int:
    pid = pidlock.holder(plan.lock("lab"))
    if pid is None:
        raise WrongState(f"The lab '{plan.name}' is not up")
    return pid
