# SPDX-License-Identifier: BSD-2-Clause
"""A node's root directory: that of the machine, with a layer of the node's own on top.

Used by a node's first process, in a mount namespace of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from ganeti.errors import ExecutionFailed
from ganeti.lab import environment
from ganeti.lab.plan import DOMAIN, LabPlan

SHARED_STORAGE = "srv/ganeti/shared-file-storage"
PROVIDERS = "usr/share/ganeti/os"
TOOLS = "usr/lib/ganeti/tools"  # where Ganeti has what is no command

# What a new node must not have, even if the machine that the lab runs on is itself a node.
_EMPTY = ("etc/ganeti", "mnt", "root/.ssh", "var/lib/ganeti", "var/log/ganeti", "srv/ganeti", PROVIDERS, TOOLS)


def build(plan: LabPlan, node: str) -> Path:
    """Mount the node's root; at its first boot, furnish it. Returns its path."""
    own = plan.layers / node
    root = own / "root"
    new = not own.exists()
    for layer in (root, own / "upper", own / "work"):
        layer.mkdir(parents=True, exist_ok=True)
    layers = f"lowerdir=/,upperdir={own / 'upper'},workdir={own / 'work'}"
    mount("-t", "overlay", "-o", layers, "overlay", root)
    if new:
        furnish(plan, node, root)
    mount("-t", "proc", "proc", root / "proc")
    mount("-t", "sysfs", "sysfs", root / "sys")
    mount("--rbind", "/dev", root / "dev")
    for directory, mode in (("dev/shm", 1777), ("run", 755), ("tmp", 1777)):
        mount("-t", "tmpfs", "-o", f"mode={mode}", "tmpfs", root / directory)
    bind(plan.stored / node, root / "srv/ganeti")
    bind(plan.shared, root / SHARED_STORAGE)
    for path in plan.visible:
        bind(path, root / path.relative_to("/"))
    if plan.provider:
        bind(plan.provider, root / PROVIDERS / plan.provider.name)
    return root


def enter(root: Path) -> None:
    """Make it the root of this process and its children, and detach the old root."""
    os.chdir(root)
    _run("pivot_root", ".", "mnt")
    os.chdir("/")
    _run("umount", "--lazy", "/mnt")


def mount(*words: str | Path) -> None:
    _run("mount", *map(str, words))


def bind(source: Path, target: Path) -> None:
    """Recursive bind mount; both are created if missing."""
    source.mkdir(parents=True, exist_ok=True)
    target.mkdir(parents=True, exist_ok=True)
    mount("--rbind", source, target)


def furnish(plan: LabPlan, node: str, root: Path) -> None:
    """Set up what an installer would ask for or generate: names, addresses, keys."""
    for directory in _EMPTY:
        shutil.rmtree(root / directory, ignore_errors=True)
        (root / directory).mkdir(parents=True)
    for personal in (".bashrc", ".bash_profile", ".bash_login", ".profile"):
        (root / "root" / personal).unlink(missing_ok=True)
    write(root / "etc/hostname", f"{node}\n")
    write(root / "etc/hosts", plan.hosts())
    write(root / "etc/resolv.conf", "")
    write(root / "etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files\n")
    write(root / environment.SHELL_START.lstrip("/"), environment.shell_start())
    (root / TOOLS / "move-instance").symlink_to(Path(sys.prefix) / "bin/move-instance")
    furnish_ssh(plan, node, root, environment.variables())


def furnish_ssh(plan: LabPlan, node: str, root: Path, variables: Mapping[str, str]) -> None:
    """Set up ssh for root between all nodes, with known host keys; ``variables``: the environment of commands."""
    known = [f"{peer}.{DOMAIN},{peer},{plan.address(peer)} {public(plan, peer)}" for peer in plan.nodes]
    write(root / "etc/ssh/ssh_known_hosts", "".join(known))
    write(root / "etc/ssh/ssh_host_ed25519_key", (plan.keys / node).read_text(), mode=0o600)
    write(root / "etc/ssh/ssh_host_ed25519_key.pub", public(plan, node))
    write(root / "root/.ssh/id_ed25519", (plan.keys / "root").read_text(), mode=0o600)
    write(root / "root/.ssh/id_ed25519.pub", public(plan, "root"))
    write(root / "root/.ssh/authorized_keys", public(plan, "root"))
    (root / "root/.ssh").chmod(0o700)
    settings = {
        "HostKey": "/etc/ssh/ssh_host_ed25519_key",
        "PermitRootLogin": "prohibit-password",
        "UsePAM": "no",
        "UseDNS": "no",
        "PrintMotd": "no",
        "SetEnv": " ".join(f"{name}={value}" for name, value in variables.items()),
        "Subsystem": "sftp internal-sftp",
    }
    write(root / "etc/ssh/sshd_config", "".join(f"{name} {value}\n" for name, value in settings.items()))


def write(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Replace a file; a link is replaced itself, not its target."""
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def public(plan: LabPlan, who: str) -> str:
    return (plan.keys / f"{who}.pub").read_text()


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ExecutionFailed(f"'{' '.join(command)}': {' '.join(done.stderr.split())}")
