# SPDX-License-Identifier: BSD-2-Clause
"""What the master asks of a node as such."""

from __future__ import annotations

from msgspec import Struct

from ganeti.model.report import GuestEvent, Memory, NodeReport, Processors, RunningGuest, Space
from ganeti.model.template import StorageUnit
from ganeti.model.timing import PING
from ganeti.rpc.call import Call

__all__ = [
    "AddressHeld",
    "CheckAddress",
    "CheckDevice",
    "DelayNode",
    "DescribeNode",
    "FindHolder",
    "ForgetCandidacy",
    "GuestEvent",
    "LeaveCluster",
    "Memory",
    "NodeReport",
    "Obey",
    "Ping",
    "Pong",
    "Processors",
    "RunningGuest",
    "SaveFiles",
    "SetMasterIp",
    "SetUpSwitch",
    "Space",
    "Standing",
    "TellStanding",
    "WatchNode",
    "WriteSsconf",
]


class Pong(Struct, frozen=True):
    """``time`` is the node's clock, seconds since the epoch."""

    name: str
    version: str
    time: float


class Ping(Call[Pong], frozen=True, tag="node.ping"):
    """Are you there?"""

    patience = PING


class Standing(Struct, frozen=True):
    """The newest term that a node has heard of, its master, and how far the state is that the node keeps.

    ``whole_in``: the term that the state is of. ``noted``: (term, revision) of the newest note, see ``Obey``.
    ``serving``: whether a master daemon runs on it. ``digests`` of the state, as in ``Position``, if asked for.
    """

    term: int
    master: str
    revision: int
    serving: bool = False
    whole_in: int = 0
    noted: tuple[int, int] = (0, 0)
    digests: dict[str, str] = {}


class Obey(Call[None], frozen=True, tag="node.obey"):
    """Do you obey this master? ``noted``: keep in mind, for good, that nobody may be master who has less."""

    noted: int = 0
    patience = PING


class TellStanding(Call[Standing], frozen=True, tag="node.standing"):
    """Whom do you obey? Any master candidate may ask; nothing changes by it. ``digests``: and what do you keep?"""

    digests: bool = False
    any_candidate = True
    patience = 5.0


class DescribeNode(Call[NodeReport], frozen=True, tag="node.describe"):
    """What have you got? ``hypervisors`` and ``storage`` say what to look at."""

    hypervisors: tuple[str, ...]
    storage: tuple[StorageUnit, ...] = ()
    patience = 20.0


class AddressHeld(Struct, frozen=True):
    """``fresh``: whether it was not there before. ``rival``: hardware address of another machine that has it too."""

    fresh: bool = False
    rival: str = ""


class SetMasterIp(Call[AddressHeld], frozen=True, tag="node.set-master-ip"):
    """Hold the cluster's address, or give it up; and with it whatever was held before in its place.

    A new address that another machine holds is taken with ``force`` only, otherwise that is a WrongState.
    """

    up: bool
    address: str
    netmask: int
    device: str
    force: bool = False


class SetUpSwitch(Call[None], frozen=True, tag="node.set-up-switch"):
    """Have an Open vSwitch of this name, which a network device connects to what is outside (``link``, if given)."""

    name: str
    link: str = ""


class CheckDevice(Call[None], frozen=True, tag="node.check-device"):
    """Raise EnvironmentUnfit unless there is a network device of this name."""

    device: str
    patience = 10.0


class FindHolder(Call[str], frozen=True, tag="node.find-holder"):
    """Who has this address, on the wire of this device or on the machine itself, in words; empty if nobody answers."""

    address: str
    device: str
    patience = 10.0


class CheckAddress(Call[None], frozen=True, tag="node.check-address"):
    """Raise EnvironmentUnfit unless this address is yours."""

    address: str
    patience = 10.0


class WriteSsconf(Call[None], frozen=True, tag="node.write-ssconf"):
    """Keep these facts in files; ``revision`` keeps an older set from replacing a newer.

    ``values`` as in ``ganeti.config.ssconf.facts_of``.
    """

    revision: int
    values: dict[str, str]


class LeaveCluster(Call[None], frozen=True, tag="node.leave"):
    """Forget the cluster: certificates, replica, ssconf files; the daemon ends.

    ``certificates``: fingerprints of those by which the cluster knew the node. One that has another by now has joined
    anew since, and stays. Without any, as when the cluster had none on record, it leaves in any case.
    """

    certificates: tuple[str, ...] = ()


class ForgetCandidacy(Call[None], frozen=True, tag="node.forget-candidacy"):
    """You are no master candidate: keep nothing of what only those may have."""


class SaveFiles(Call[None], frozen=True, tag="node.save-files"):
    """Keep files that every master candidate must have. Names are those of ``CANDIDATE_FILES``."""

    files: dict[str, str]


class DelayNode(Call[None], frozen=True, tag="node.delay"):
    """Wait, for tests of the queue."""

    seconds: float

    @property
    def deadline(self) -> float:
        return self.seconds + 30


class WatchNode(Call[None], frozen=True, tag="node.watch"):
    """Say at once what happens to guests: first a GuestEvent for each that runs, then changes. Never ends."""

    endless = True
    patience = float(365 * 86400)
