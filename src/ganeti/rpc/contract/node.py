# SPDX-License-Identifier: BSD-2-Clause
"""Calls about a node itself."""

from __future__ import annotations

from msgspec import Struct

from ganeti.model.cpu import CpuModels
from ganeti.model.report import GuestEvent, Memory, NodeReport, Processors, RunningGuest, Space
from ganeti.model.template import StorageUnit
from ganeti.model.timing import PING, START
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
    "TellCpuModels",
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
    """Check whether a node is alive."""

    patience = PING


class TellCpuModels(Call[CpuModels], frozen=True, tag="node.cpu-models"):
    """The CPU models that guests of a hypervisor can have on the node, with these parameters of it."""

    hypervisor: str
    parameters: dict[str, object]
    patience = START  # it may have to find out first whether hardware virtualisation works


class Standing(Struct, frozen=True):
    """The newest term that a node has heard of, its master, and the position of the state that the node keeps.

    ``whole_in``: the term of that state. ``noted``: (term, revision) of the newest note, see ``Obey``.
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
    """Confirm that the node obeys this master. ``noted``: record durably that no master may have less than this."""

    noted: int = 0
    patience = PING


class TellStanding(Call[Standing], frozen=True, tag="node.standing"):
    """Which master the node obeys. Any master candidate may ask; changes nothing.

    ``digests``: also those of the state.
    """

    digests: bool = False
    any_candidate = True
    patience = 5.0


class DescribeNode(Call[NodeReport], frozen=True, tag="node.describe"):
    """The node's resources and guests. ``hypervisors`` and ``storage`` say what to include."""

    hypervisors: tuple[str, ...]
    storage: tuple[StorageUnit, ...] = ()
    patience = 20.0


class AddressHeld(Struct, frozen=True):
    """``fresh``: whether it was newly set up. ``rival``: hardware address of another machine that has it too."""

    fresh: bool = False
    rival: str = ""


class SetMasterIp(Call[AddressHeld], frozen=True, tag="node.set-master-ip"):
    """Hold the cluster's address, or give it up; a different one that was held before is given up in any case.

    A new address that another machine holds is only taken with ``force``; otherwise raises WrongState.
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
    """Who has this address, on the device's network or on the machine itself, as text; empty if nobody answers."""

    address: str
    device: str
    patience = 10.0


class CheckAddress(Call[None], frozen=True, tag="node.check-address"):
    """Raise EnvironmentUnfit unless the node has this address."""

    address: str
    patience = 10.0


class WriteSsconf(Call[None], frozen=True, tag="node.write-ssconf"):
    """Write these facts to files; ``revision`` prevents an older set from replacing a newer one.

    ``values`` as in ``ganeti.config.ssconf.facts_of``.
    """

    revision: int
    values: dict[str, str]


class LeaveCluster(Call[None], frozen=True, tag="node.leave"):
    """Remove everything about the cluster: certificates, replica, ssconf files; the daemon exits.

    ``certificates``: recorded fingerprints of the node. A node with another certificate has joined again since, and
    stays. Without any, as when none was recorded, it leaves in any case.
    """

    certificates: tuple[str, ...] = ()


class ForgetCandidacy(Call[None], frozen=True, tag="node.forget-candidacy"):
    """Remove everything that only master candidates may have."""


class SaveFiles(Call[None], frozen=True, tag="node.save-files"):
    """Store files that every master candidate must have. Names as in ``candidate_files`` of ``node/membership.py``."""

    files: dict[str, str]


class DelayNode(Call[None], frozen=True, tag="node.delay"):
    """Wait, for tests of the queue."""

    seconds: float

    @property
    def deadline(self) -> float:
        return self.seconds + 30


class WatchNode(Call[None], frozen=True, tag="node.watch"):
    """Report events of guests immediately: first a GuestEvent for each that runs, then changes. Never ends."""

    endless = True
    patience = float(365 * 86400)
