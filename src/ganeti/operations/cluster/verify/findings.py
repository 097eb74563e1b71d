# SPDX-License-Identifier: BSD-2-Clause
"""What ``gnt-cluster verify`` finds and how it reports that (gnt-cluster(8), "verify")."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from msgspec import Struct

Domain = Literal["cluster", "group", "node", "instance"]


class Code(StrEnum):
    """Ganeti's codes, all of them, since users list them in ``--ignore-errors``, and one that Ganeti has not.

    EINSTANCEOUTDATED: it runs a program that was replaced since.
    """

    ECLUSTERCERT = "ECLUSTERCERT"
    ECLUSTERCFG = "ECLUSTERCFG"
    ECLUSTERCLIENTCERT = "ECLUSTERCLIENTCERT"
    ECLUSTERDANGLINGINST = "ECLUSTERDANGLINGINST"
    ECLUSTERDANGLINGNODES = "ECLUSTERDANGLINGNODES"
    ECLUSTERFILECHECK = "ECLUSTERFILECHECK"
    EEXTAGS = "EEXTAGS"
    EGROUPDIFFERENTPVSIZE = "EGROUPDIFFERENTPVSIZE"
    EINSTANCEBADNODE = "EINSTANCEBADNODE"
    EINSTANCEDOWN = "EINSTANCEDOWN"
    EINSTANCEFAULTYDISK = "EINSTANCEFAULTYDISK"
    EINSTANCELAYOUT = "EINSTANCELAYOUT"
    EINSTANCEMISSINGCFGPARAMETER = "EINSTANCEMISSINGCFGPARAMETER"
    EINSTANCEMISSINGDISK = "EINSTANCEMISSINGDISK"
    EINSTANCEOUTDATED = "EINSTANCEOUTDATED"
    EINSTANCEPOLICY = "EINSTANCEPOLICY"
    EINSTANCESPLITGROUPS = "EINSTANCESPLITGROUPS"
    EINSTANCEUNSUITABLENODE = "EINSTANCEUNSUITABLENODE"
    EINSTANCEWRONGNODE = "EINSTANCEWRONGNODE"
    ENODEDRBD = "ENODEDRBD"
    ENODEDRBDHELPER = "ENODEDRBDHELPER"
    ENODEDRBDVERSION = "ENODEDRBDVERSION"
    ENODEFILECHECK = "ENODEFILECHECK"
    ENODEFILESTORAGEPATHS = "ENODEFILESTORAGEPATHS"
    ENODEFILESTORAGEPATHUNUSABLE = "ENODEFILESTORAGEPATHUNUSABLE"
    ENODEGLUSTERSTORAGEPATHUNUSABLE = "ENODEGLUSTERSTORAGEPATHUNUSABLE"
    ENODEHOOKS = "ENODEHOOKS"
    ENODEHV = "ENODEHV"
    ENODELVM = "ENODELVM"
    ENODEN1 = "ENODEN1"
    ENODENET = "ENODENET"
    ENODEOOBPATH = "ENODEOOBPATH"
    ENODEORPHANINSTANCE = "ENODEORPHANINSTANCE"
    ENODEORPHANLV = "ENODEORPHANLV"
    ENODEOS = "ENODEOS"
    ENODERPC = "ENODERPC"
    ENODESETUP = "ENODESETUP"
    ENODESHAREDFILESTORAGEPATHUNUSABLE = "ENODESHAREDFILESTORAGEPATHUNUSABLE"
    ENODESSH = "ENODESSH"
    ENODETIME = "ENODETIME"
    ENODEUSERSCRIPTS = "ENODEUSERSCRIPTS"
    ENODEVERSION = "ENODEVERSION"

    @property
    def domain(self) -> Domain:
        """The type of a finding's item, in Ganeti's terms."""
        if self in _ODD:
            return "node"
        prefixes: dict[str, Domain] = {"EINSTANCE": "instance", "ENODE": "node", "EGROUP": "group"}
        return next((domain for prefix, domain in prefixes.items() if self.startswith(prefix)), "cluster")


_ODD = frozenset({Code.ECLUSTERDANGLINGINST, Code.ECLUSTERDANGLINGNODES, Code.EEXTAGS})


class Finding(Struct, frozen=True):
    """A problem. ``item`` names the object in the code's domain; empty for the cluster."""

    code: Code
    item: str
    text: str
    warning: bool = False

    def line(self, ignored: frozenset[Code], *, codes: bool) -> str:
        """As shown to users or, with ``codes``, to programs."""
        level = "WARNING" if self.lenient(ignored) else "ERROR"
        if codes:
            return f"  - {level}:{self.code}:{self.code.domain}:{self.item}:{self.text}"
        item = f" {self.item}" if self.item else ""
        return f"  - {level}: {self.code.domain}{item}: {self.text}"

    def lenient(self, ignored: frozenset[Code]) -> bool:
        """Whether it is only a warning."""
        return self.warning or self.code in ignored
