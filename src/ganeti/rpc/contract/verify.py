# SPDX-License-Identifier: BSD-2-Clause
"""What ``gnt-cluster verify`` asks of a node, besides what others ask too; nothing here changes anything.

Most answers are problems in words: what they are called on the wire is the check's that asked.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from ganeti.model.timing import START
from ganeti.rpc.call import Call

Problems = tuple[str, ...]


class TryHypervisors(Call[Problems], frozen=True, tag="verify.hypervisors"):
    """Can you run guests of these hypervisors? ``parameters`` by their names."""

    parameters: dict[str, dict[str, object]]
    patience = START


class FindBridges(Call[Problems], frozen=True, tag="verify.bridges"):
    """Are these bridges there, and these of Open vSwitch (``switches``)?"""

    bridges: tuple[str, ...] = ()
    switches: tuple[str, ...] = ()


def find_links(links: Iterable[tuple[str, str]]) -> FindBridges | None:
    """Of network cards, by mode and link; None if none of them has to be there."""
    wanted = sorted({(mode, link) for mode, link in links if link})
    bridges = tuple(link for mode, link in wanted if mode == "bridged")
    switches = tuple(link for mode, link in wanted if mode == "openvswitch")
    return FindBridges(bridges, switches) if bridges or switches else None


class Unreached(Struct, frozen=True):
    """A node daemon that does not answer there."""

    node: str
    address: str
    port: int


class ReachPeers(Call[tuple[Unreached, ...]], frozen=True, tag="verify.peers"):
    """Which of the node daemons of these nodes don't answer, at each of their addresses?"""

    peers: dict[str, tuple[str, ...]]


class LookUpNames(Call[Problems], frozen=True, tag="verify.names"):
    """Do these names have these addresses, as you see it?"""

    names: dict[str, str]


class FindStrays(Call[Problems], frozen=True, tag="verify.strays"):
    """Which processes of guests of these hypervisors do you have that you do not manage?"""

    hypervisors: tuple[str, ...]


class DigestFacts(Call[str], frozen=True, tag="verify.facts"):
    """The digest of the ssconf files, and of these secret ones; see ``ganeti.config.ssconf.digest``."""

    secrets: tuple[str, ...] = ()


class FindPrograms(Call[Problems], frozen=True, tag="verify.programs"):
    """Are these files there, and programs?"""

    programs: tuple[str, ...]


class CheckHooks(Call[Problems], frozen=True, tag="verify.hooks"):
    """Are the directories of hooks as they must be?"""


class CheckSecrets(Call[Problems], frozen=True, tag="verify.secrets"):
    """Can others than the administrator read what must be kept secret?"""


class CheckUsers(Call[Problems], frozen=True, tag="verify.users"):
    """Does every line of the remote API's users' file count, if you have one?"""


class DrbdFacts(Struct, frozen=True):
    """Of the kernel: ``version`` is empty if it has none now, ``minors`` are the numbers of the devices there are."""

    version: str = ""
    helper: str = ""
    minors: tuple[int, ...] = ()


class DescribeDrbd(Call[DrbdFacts], frozen=True, tag="verify.drbd"):
    """How is your DRBD?"""


class TellCandidateFiles(Call[tuple[str, ...]], frozen=True, tag="verify.candidate-files"):
    """What have you got that only master candidates may have? The names of the files."""


class Certificate(Struct, frozen=True):
    """``expires``: seconds since the epoch; ``problem`` if it cannot be read."""

    file: str
    expires: float = 0.0
    problem: str = ""


class DescribeCertificates(Call[tuple[Certificate, ...]], frozen=True, tag="verify.certificates"):
    """The certificates that you have."""


class CountAuthorities(Call[int], frozen=True, tag="verify.count-authorities"):
    """How many authorities' certificates do you trust?"""


class Claim(Struct, frozen=True):
    """``master``: whom the node obeys; ``serves``: a master daemon runs; ``holds``: it has the cluster's address."""

    master: str
    serves: bool
    holds: bool


class TellClaim(Call[Claim], frozen=True, tag="verify.claim"):
    """What have you got of a master?"""

    address: str
