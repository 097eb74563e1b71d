# SPDX-License-Identifier: BSD-2-Clause
"""The root directory of a node that is a virtual machine: Debian, built from packages.

What differs between nodes (``identity.py``) and our own software (``software.py``) comes later.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ganeti.errors import EnvironmentUnfit
from ganeti.lab.vm.work import work

CLONE = Path(__file__).parents[4]
PACKAGES = CLONE / "packaging/debian-packages.txt"
SOURCES = Path(__file__).parent / "files"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
VENV = "opt/ganeti"
SOFTWARE = f"{VENV}/src"

# The cache from which guests with debootstrap+default are installed, without a mirror.
GUEST_PACKAGES = ("systemd-sysv", "udev", "iproute2", "ifupdown", "openssh-server")
GUEST_CACHE = "var/cache/ganeti-instance-debootstrap"

# Useless on a machine that lives for minutes; or installed, but only started when needed.
_NEVER = (
    *("apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer", "fstrim.timer"),
    *("e2scrub_reap.service", "systemd-timesyncd.service", "logrotate.timer", "serial-getty@ttyS0.service"),
    *("modprobe@drm.service", "modprobe@efi_pstore.service", "nfs-blkmap.service"),
)
_LATER = ("drbd.service", "nfs-server.service", "rpcbind.service", "rpcbind.socket", "glusterd.service")


@dataclass(frozen=True, slots=True)
class Release:
    """A release of Debian, and the mirrors from which this machine gets packages."""

    suite: str
    mirror: str
    security: str | None

    @property
    def sources(self) -> str:
        """Lines of sources.list(5)."""
        places = [(self.mirror, self.suite), (self.mirror, f"{self.suite}-updates")]
        if self.security:
            places.append((self.security, f"{self.suite}-security"))
        return "".join(f"deb {place} {suite} main\n" for place, suite in places)


def release(suite: str) -> Release:
    """From the mirrors in this machine's own sources. Raises EnvironmentUnfit if none of them is Debian's."""
    told = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE)", "Created-By: Packages"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    places = {name: place.rstrip("/") for place, name in (line.split() for line in told.splitlines())}
    named = _named()
    if named not in places:
        raise EnvironmentUnfit(f"apt has no source of packages for '{named}', which this machine runs")
    return Release(suite, places[named], places.get(f"{named}-security"))


def packages() -> list[str]:
    """The sections of the package list for a node."""
    names: list[str] = []
    section = ""
    for line in PACKAGES.read_text().splitlines():
        word = line.partition(" ")[0]
        if word.startswith("["):
            section = word
        elif section in ("[node]", "[machine]") and word and not word.startswith("#"):
            names.append(word)
    return names


def requirements() -> list[str]:
    """The Python packages that the software needs."""
    project = tomllib.loads((CLONE / "pyproject.toml").read_text())["project"]
    return list(project["dependencies"])


@dataclass(frozen=True, slots=True)
class Tree:
    """``log``: for the output of all commands that build it."""

    root: Path
    log: Path

    def make(self, debian: Release) -> None:
        """Some minutes, most of them for packages."""
        self._within(
            f"Debian {debian.suite}, its base",
            *("debootstrap", "--variant=minbase", f"--keyring={KEYRING}", debian.suite, self.root, debian.mirror),
        )
        self._be_quiet()
        (self.root / "etc/apt/sources.list").write_text(debian.sources)
        self._inside("lists of packages", "apt-get", "update")
        self._install("packages of guests", GUEST_PACKAGES)
        self._keep_for_guests(debian)
        self._install("packages of nodes", packages())
        self._inside("a virtual environment", "python3", "-m", "venv", f"/{VENV}")
        self._install_requirements()
        self._settle()

    def _be_quiet(self) -> None:
        """Packages start no services, and nothing unneeded is downloaded."""
        shutil.copy(SOURCES / "policy-rc.d", self.root / "usr/sbin/policy-rc.d")
        shutil.copy(SOURCES / "dpkg.cfg", self.root / "etc/dpkg/dpkg.cfg.d/lab")
        shutil.copy("/etc/resolv.conf", self.root / "etc/resolv.conf")

    def _install(self, what: str, names: tuple[str, ...] | list[str]) -> None:
        self._inside(what, "apt-get", "install", "--yes", "--no-install-recommends", *names)
        self._inside("clean-up", "apt-get", "clean")

    def _install_requirements(self) -> None:
        """Trust this machine's CAs meanwhile: its network may intercept connections to PyPI with a CA of its own.

        They are copied, since packages write to the directory of certificates, and must not reach the machine's own.
        """
        trusted = self.root / "tmp/trusted.crt"
        options = ["--no-cache-dir"]
        if CERTIFICATES.exists():
            shutil.copy(CERTIFICATES, trusted)
            options.append("--cert=/tmp/trusted.crt")
        self._inside("Python packages", f"/{VENV}/bin/pip", "install", *options, *requirements())
        trusted.unlink(missing_ok=True)

    def _keep_for_guests(self, debian: Release) -> None:
        """In the format of ganeti-instance-debootstrap's cache."""
        kept = self.root.with_name("guest.tar")
        self._within("a guest", "tar", "--create", "--xattrs", "--acls", "--file", kept, "--directory", self.root, ".")
        cache = self.root / GUEST_CACHE
        cache.mkdir(parents=True)
        kept.rename(cache / f"cache-{debian.suite}-amd64.tar")

    def _settle(self) -> None:
        next(self.root.glob(f"{VENV}/lib/python3*/site-packages")).joinpath("ganeti.pth").write_text(f"/{SOFTWARE}\n")
        shutil.copytree(SOURCES / "etc", self.root / "etc", dirs_exist_ok=True)
        self._inside("services", "systemctl", "disable", *_LATER)
        self._inside("services", "systemctl", "mask", *_NEVER)
        self._inside("services", "systemctl", "enable", "systemd-networkd.service", "ssh.service")
        for name in ("etc/hostname", "etc/resolv.conf", "etc/machine-id", "usr/sbin/policy-rc.d"):
            (self.root / name).unlink(missing_ok=True)
        for key in (self.root / "etc/ssh").glob("ssh_host_*"):
            key.unlink()

    def _inside(self, what: str, *command: str) -> None:
        """Run a command with the tree as its root directory."""
        script = 'mount -t proc proc "$1/proc"; exec chroot "$@"'
        self._within(what, "sh", "-ec", script, "sh", self.root, *command)

    def _within(self, what: str, *command: str | Path) -> None:
        """Run a command whose mounts and processes end with it."""
        apart = ("unshare", "--mount", "--pid", "--fork", "--kill-child=KILL")
        work(f"Node image: {what}", *apart, *command, log=self.log, environment=_environment(os.environ))


def _environment(ours: Mapping[str, str]) -> dict[str, str]:
    """Settings such as proxies are needed in there; paths of this machine are not valid."""
    kept = {name: value for name, value in ours.items() if name.lower().endswith("_proxy") or name.startswith("PIP_")}
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return {**kept, "PATH": path, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}


def _named() -> str:
    """The name of the release that this machine runs."""
    lines = Path("/etc/os-release").read_text().splitlines()
    return next((line.partition("=")[2] for line in lines if line.startswith("VERSION_CODENAME=")), "unknown")
