# SPDX-License-Identifier: BSD-2-Clause
"""Calls that only ``gnt-cluster verify`` makes; nothing here changes anything.

Most answers are problems as text; the check that asked adds the code.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from ganeti.model.nic import COMMUNICATION_LINK
from ganeti.model.parameters.network import NicMode
from ganeti.model.timing import START
from ganeti.rpc.call import Call

Problems = tuple[str, ...]


class TryHypervisors(Call[Problems], frozen=True, tag="verify.hypervisors"):
    """Check whether guests of these hypervisors can run. ``parameters`` by their names."""

    parameters: dict[str, dict[str, object]]
    patience = START


class Link(Struct, frozen=True, order=True):
    """What cards of a mode are connected to; ``vlans``: some of them have VLANs."""

    mode: NicMode
    name: str
    vlans: bool = False


class FindBridges(Call[Problems], frozen=True, tag="verify.bridges"):
    """Are these bridges, Open vSwitches and routing tables there, and can cards be connected to them?"""

    links: tuple[Link, ...] = ()


def find_links(cards: Iterable[tuple[NicMode, str, str]]) -> FindBridges | None:
    """Of network cards, by mode, link and VLAN; None if nothing has to be there."""
    wanted = {Link(mode, link, bool(vlan)) for mode, link, vlan in cards if link not in ("", COMMUNICATION_LINK)}
    return FindBridges(tuple(sorted(wanted))) if wanted else None


class Unreached(Struct, frozen=True):
    """An address where a node daemon does not answer."""

    node: str
    address: str
    port: int


class ReachPeers(Call[tuple[Unreached, ...]], frozen=True, tag="verify.peers"):
    """Find the addresses of these nodes where the node daemon does not answer."""

    peers: dict[str, tuple[str, ...]]


class LookUpNames(Call[Problems], frozen=True, tag="verify.names"):
    """Check whether these names resolve to these addresses on the node."""

    names: dict[str, str]


class FindStrays(Call[Problems], frozen=True, tag="verify.strays"):
    """Find unmanaged processes of guests of these hypervisors."""

    hypervisors: tuple[str, ...]


class DigestFacts(Call[str], frozen=True, tag="verify.facts"):
    """The digest of the ssconf files, and of these other ones; see ``ganeti.config.ssconf.digest``."""

    files: tuple[str, ...] = ()


class FindPrograms(Call[Problems], frozen=True, tag="verify.programs"):
    """Check whether these files exist and are executable."""

    programs: tuple[str, ...]


class CheckHooks(Call[Problems], frozen=True, tag="verify.hooks"):
    """Check the directories of hooks."""


class CheckSecrets(Call[Problems], frozen=True, tag="verify.secrets"):
    """Check that only root can read secret files."""


class CheckUsers(Call[Problems], frozen=True, tag="verify.users"):
    """Check that every line of the remote API's users file is valid, if there is one."""


class DrbdFacts(Struct, frozen=True):
    """Of the kernel: ``version`` is empty if DRBD is not loaded, ``minors``: those of existing devices."""

    version: str = ""
    helper: str = ""
    minors: tuple[int, ...] = ()


class DescribeDrbd(Call[DrbdFacts], frozen=True, tag="verify.drbd"):
    """The status of DRBD."""


class TellCandidateFiles(Call[tuple[str, ...]], frozen=True, tag="verify.candidate-files"):
    """The names of the node's files that only master candidates may have."""


class Certificate(Struct, frozen=True):
    """``expires``: seconds since the epoch; ``problem`` if it cannot be read."""

    file: str
    expires: float = 0.0
    problem: str = ""


class DescribeCertificates(Call[tuple[Certificate, ...]], frozen=True, tag="verify.certificates"):
    """The node's certificates."""


class CountAuthorities(Call[int], frozen=True, tag="verify.count-authorities"):
    """The number of CAs that the node trusts."""


class Claim(Struct, frozen=True):
    """``master``: the one that the node obeys.

    ``serves``: a master daemon runs there; ``holds``: it has the cluster's address.
    """

    master: str
    serves: bool
    holds: bool


class TellClaim(Call[Claim], frozen=True, tag="verify.claim"):
    """Whether the node acts as the master, and which one it obeys."""

    address: str
