# SPDX-License-Identifier: BSD-2-Clause
"""What ``gnt-cluster verify`` finds and how it says so (gnt-cluster(8), "verify")."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from msgspec import Struct

from ganeti.declare.parameter import param
from ganeti.jobs.context import RunContext

Code = Literal[
    "ECLUSTERCERT",
    "ECLUSTERCFG",
    "ECLUSTERCLIENTCERT",
    "ECLUSTERDANGLINGINST",
    "ECLUSTERDANGLINGNODES",
    "ECLUSTERFILECHECK",
    "EEXTAGS",
    "EGROUPDIFFERENTPVSIZE",
    "EINSTANCEBADNODE",
    "EINSTANCEDOWN",
    "EINSTANCEFAULTYDISK",
    "EINSTANCELAYOUT",
    "EINSTANCEMISSINGCFGPARAMETER",
    "EINSTANCEMISSINGDISK",
    "EINSTANCEPOLICY",
    "EINSTANCESPLITGROUPS",
    "EINSTANCEUNSUITABLENODE",
    "EINSTANCEWRONGNODE",
    "ENODEDRBD",
    "ENODEDRBDHELPER",
    "ENODEDRBDVERSION",
    "ENODEFILECHECK",
    "ENODEFILESTORAGEPATHS",
    "ENODEFILESTORAGEPATHUNUSABLE",
    "ENODEGLUSTERSTORAGEPATHUNUSABLE",
    "ENODEHOOKS",
    "ENODEHV",
    "ENODELVM",
    "ENODEN1",
    "ENODENET",
    "ENODEOOBPATH",
    "ENODEORPHANINSTANCE",
    "ENODEORPHANLV",
    "ENODEOS",
    "ENODERPC",
    "ENODESETUP",
    "ENODESHAREDFILESTORAGEPATHUNUSABLE",
    "ENODESSH",
    "ENODETIME",
    "ENODEUSERSCRIPTS",
    "ENODEVERSION",
]

IgnoreErrors = Annotated[
    list[Code], param("Error code to report as a warning; may be repeated", "-I", "--ignore-errors", metavar="CODE")
]
ErrorCodes = Annotated[bool, param("Print machine-readable error codes", "--error-codes")]
SkipChecks = Annotated[list[Literal["nplusone_mem"]], param("Optional checks to skip")]
Verbose = Annotated[bool, param("Print more details", "-v", "--verbose", accepted="every step is told anyway")]
SimulateErrors = Annotated[bool, param("Simulate errors: report every check as failed", "--debug-simulate-errors")]
Clutter = Annotated[bool, param("Look for stray SSH keys in authorized_keys", "--verify-ssh-clutter", unsupported=True)]


class Trouble(Struct, frozen=True):
    """Something that is wrong; ``item`` names the instance, node ... whose kind begins the code's name."""

    code: Code
    item: str
    text: str

    @property
    def kind(self) -> str:
        for prefix, kind in (("EINSTANCE", "instance"), ("ENODE", "node"), ("EGROUP", "group")):
            if self.code.startswith(prefix):
                return kind
        return "cluster"


def report(cluster: RunContext, troubles: Iterable[Trouble], *, codes: bool, ignored: Iterable[str]) -> bool:
    """Write troubles to the job's log; whether none of them is an error."""
    passed_over = set(ignored)
    good = True
    for trouble in troubles:
        level = "WARNING" if trouble.code in passed_over else "ERROR"
        good = good and level == "WARNING"
        if codes:
            cluster.log(f"  - {level}:{trouble.code}:{trouble.kind}:{trouble.item}:{trouble.text}")
        else:
            item = f" {trouble.item}" if trouble.item else ""
            cluster.log(f"  - {level}: {trouble.kind}{item}: {trouble.text}")
    return good
