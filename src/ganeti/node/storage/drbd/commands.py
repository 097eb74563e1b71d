# SPDX-License-Identifier: BSD-2-Clause
"""All commands for DRBD: drbdsetup(8) and drbdmeta(8) as of DRBD 8.4."""

from __future__ import annotations

import re

from ganeti.errors import EnvironmentUnfit, ExecutionFailed, GanetiError, WrongState
from ganeti.host import process
from ganeti.host.process import Finished
from ganeti.node.storage.drbd.options import two_primaries_option
from ganeti.node.storage.drbd.replica import Replica
from ganeti.node.storage.drbd.status import Connection, Resource, parse_connection, parse_events
from ganeti.node.storage.lvm.reported import device_of
from ganeti.node.storage.lvm.volumes import Run

_TIME = 60.0  # seconds; commands that access a disk wait for it
_VOLUME = "0"  # of its resource, which has no other volume
_WAITS = ("--wfc-timeout", "--degr-wfc-timeout", "--outdated-wfc-timeout")
_NOT_LOADED = re.compile(r"generic netlink family|Could not connect to 'drbd'")
# Errors for changes that the state of the disk does not allow.
_REASONS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"Multiple primaries|primaries on both sides|refused by peer"), "it is used on its other node"),
    (re.compile(r"UpToDate data"), "the copy on this node is not up to date, and no other one can be reached"),
    (re.compile(r"held open"), "a program has it open on this node"),
    (re.compile(r"during resync"), "it is being synchronised; try again when that has ended"),
    (re.compile(r"Need one Primary"), "neither of its nodes uses it, so it cannot grow"),
)


class Drbd:
    """Of this machine.

    All methods raise WrongState if the state of a disk does not allow a change, EnvironmentUnfit if the kernel has no
    DRBD, ExecutionFailed if a command fails otherwise or takes too long.
    """

    def __init__(self, run: Run = process.run) -> None:
        self._run = run

    async def resources(self) -> dict[str, Resource]:
        """All existing ones, by name: one command."""
        done = await self._run("drbdsetup", "events2", "--now", "--statistics", timeout=_TIME)
        if done.failed:
            raise _unfit(done) or ExecutionFailed(done.why())
        return parse_events(done.output)

    async def connection(self, replica: Replica) -> Connection | None:
        """Its connection as configured, whether or not the peer is connected."""
        done = await self._run("drbdsetup", "show", replica.resource, timeout=_TIME)
        if done.failed:
            raise _unfit(done) or ExecutionFailed(done.why())
        return parse_connection(done.output)

    async def make_metadata(self, replica: Replica) -> None:
        """Overwrites what is there; afterwards this copy is not up to date."""
        await self._give(replica, "drbdmeta", "--force", *_area(replica), "create-md")

    async def add_resource(self, replica: Replica) -> None:
        await self._give(replica, "drbdsetup", "new-resource", replica.resource)

    async def add_device(self, replica: Replica) -> None:
        await self._give(replica, "drbdsetup", "new-minor", replica.resource, str(replica.minor), _VOLUME)

    async def attach(self, replica: Replica) -> None:
        """Also if its metadata was not closed cleanly, as after a power failure."""
        await self._give(replica, "drbdmeta", *_area(replica), "apply-al")
        await self._give(replica, "drbdsetup", "attach", str(replica.minor), *replica.attachment)

    async def detach(self, replica: Replica) -> None:
        """Users of the device go on with the other node's copy."""
        await self._give(replica, "drbdsetup", "detach", str(replica.minor))

    async def connect(self, replica: Replica, *, two_primaries: bool) -> None:
        """Start connecting; see ``await_connection``."""
        words = replica.connection(two_primaries=two_primaries)
        await self._give(replica, "drbdsetup", "connect", replica.resource, *words)

    async def disconnect(self, replica: Replica, ends: tuple[str, ...]) -> None:
        await self._give(replica, "drbdsetup", "disconnect", *ends)

    async def await_connection(self, replica: Replica, seconds: int) -> None:
        """Until it is connected or refused, or the time is over."""
        limits = [f"{option}={seconds}" for option in _WAITS]
        # The exit status says no more than the state afterwards.
        await self._run("drbdsetup", "wait-connect", str(replica.minor), *limits, timeout=seconds + _TIME)

    async def allow_two_primaries(self, replica: Replica, *, allowed: bool) -> None:
        """If connected, the other node is informed and allows the same."""
        await self._give(replica, "drbdsetup", "net-options", *replica.ends, two_primaries_option(allowed=allowed))

    async def promote(self, replica: Replica, *, force: bool) -> None:
        """``force``: even if no copy is known to be up to date, or the other one might be."""
        await self._give(replica, "drbdsetup", "primary", str(replica.minor), *(["--force"] if force else []))

    async def demote(self, replica: Replica) -> None:
        await self._give(replica, "drbdsetup", "secondary", str(replica.minor))

    async def resize(self, replica: Replica) -> None:
        await self._give(replica, "drbdsetup", "resize", str(replica.minor))

    async def take_down(self, replica: Replica) -> None:
        """Connection, device and resource."""
        await self._give(replica, "drbdsetup", "down", replica.resource)

    async def _give(self, replica: Replica, program: str, *words: str) -> None:
        try:
            done = await self._run(program, *words, timeout=_TIME)
        except ExecutionFailed:  # which has all arguments, the secret included
            verb = words[0] if program == "drbdsetup" else words[-1]
            raise ExecutionFailed(
                f"{replica.disk.called}: '{program} {verb}' did not finish within {_TIME:.0f} seconds"
            ) from None
        if done.failed:
            raise _told(replica, done)


def _area(replica: Replica) -> tuple[str, ...]:
    """The metadata, in drbdmeta(8)'s syntax."""
    return str(replica.minor), "v08", device_of(replica.metadata), "0"


def _told(replica: Replica, done: Finished) -> GanetiError:
    words = f"{done.errors}\n{done.output}"
    for pattern, reason in _REASONS:
        if pattern.search(words):
            return WrongState(f"{replica.disk.called} ({replica.device}): {reason}")
    last = "; ".join((done.errors.strip() or done.output.strip()).splitlines()[-3:])
    return _unfit(done) or ExecutionFailed(f"{replica.disk.called} ({replica.device}): {last}")


def _unfit(done: Finished) -> EnvironmentUnfit | None:
    if not _NOT_LOADED.search(done.errors):
        return None
    return EnvironmentUnfit("The kernel has no DRBD now; 'modprobe drbd' loads it")
