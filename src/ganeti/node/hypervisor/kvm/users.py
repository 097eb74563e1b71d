# SPDX-License-Identifier: BSD-2-Clause
"""The user that a guest's QEMU runs as: a named one, or one of the cluster's pool that no other guest uses.

A user of the pool is taken by a lock on a file with its ID, which QEMU inherits: the kernel releases it when that
process ends, and not before, whatever happens to the node daemon.
"""

from __future__ import annotations

import fcntl
import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ganeti.errors import HypervisorFailed
from ganeti.host.files import read_text
from ganeti.host.process import processes
from ganeti.model.user_ids import parse_pool
from ganeti.node.hypervisor.kvm.plan import LaunchPlan, refused


@dataclass(frozen=True, slots=True)
class User:
    """``lock``: the descriptor of the lock file of the user; QEMU has to inherit it."""

    entry: pwd.struct_passwd
    lock: int | None = None

    @property
    def name(self) -> str:
        return self.entry.pw_name

    @property
    def uid(self) -> int:
        return self.entry.pw_uid


def ensure_user(plan: LaunchPlan) -> None:
    """Raise WrongInput unless this node has a user that QEMU could run as, taken or not."""
    model = plan.parameters.security_model
    if model == "user":
        _named(plan)
    if model == "pool":
        _pool(plan)


@contextmanager
def taken(plan: LaunchPlan) -> Iterator[User | None]:
    """The user for a new QEMU, which keeps it by inheriting the lock; None for the node daemon's own.

    Raises WrongInput if there is none, HypervisorFailed if all of the pool are taken.
    """
    model = plan.parameters.security_model
    if model == "none":
        yield None
    elif model == "user":
        yield _named(plan)
    else:
        user = _free(plan)
        try:
            yield user
        finally:
            assert user.lock is not None  # noqa: S101 - of all of the pool
            os.close(user.lock)


def running_as(pid: int) -> int:
    """The ID of the user that a process runs as now; root's if it has ended."""
    try:
        return Path(f"/proc/{pid}").stat().st_uid
    except OSError:
        return 0


def _named(plan: LaunchPlan) -> User:
    name = plan.parameters.security_domain
    try:
        return User(pwd.getpwnam(name))
    except KeyError:
        raise refused("security_domain", f"there is no user '{name}' on this node") from None


def _pool(plan: LaunchPlan) -> list[User]:
    """The users of the pool that this node has."""
    ranges = parse_pool((read_text(plan.paths.ssconf("uid_pool")) or "").replace("\n", ","), "uid_pool")
    if not ranges:
        raise refused("security_model", "'pool' needs user IDs; 'gnt-cluster modify --uid-pool' says which")
    known = sorted(pwd.getpwall(), key=lambda user: user.pw_uid)
    found = [one for one in known if any(first <= one.pw_uid <= last for first, last in ranges)]
    if not found:
        raise refused("security_model", "this node has no users with IDs of the cluster's pool; make them with useradd")
    _ensure_apart(found)
    return [User(one) for one in found]


def _ensure_apart(found: list[pwd.struct_passwd]) -> None:
    """Raise WrongInput if two have the same group, since guests' directories are accessible to the group."""
    groups: dict[int, str] = {}
    for one in found:
        if (other := groups.setdefault(one.pw_gid, one.pw_name)) != one.pw_name:
            raise refused(
                "security_model",
                f"the users {other} and {one.pw_name} of the cluster's pool have the same group on this node; give "
                "each a group of its own (useradd --user-group)",
            )


def _free(plan: LaunchPlan) -> User:
    directory = plan.paths.run / "uid-pool"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    users, busy = _pool(plan), _busy()
    for user in users:
        if user.uid not in busy and (lock := _locked(directory / str(user.uid))) is not None:
            return User(user.entry, lock)
    raise HypervisorFailed(
        f"All {len(users)} users of the cluster's pool that this node has are taken, each by a guest or another "
        "process; 'gnt-cluster modify --add-uids' adds some, which every node must have"
    )


def _locked(path: Path) -> int | None:
    """A descriptor with a lock on the file, unless another process has it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _busy() -> set[int]:
    """The users that processes run as."""
    found = set()
    for process in processes():
        with suppress(OSError):  # it has ended meanwhile
            found.add(process.stat().st_uid)
    return found
