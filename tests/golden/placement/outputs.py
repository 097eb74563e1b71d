# SPDX-License-Identifier: BSD-2-Clause
"""Runs of tools whose output is equal to the letter, blanks at the ends of lines apart."""

from __future__ import annotations

import contextlib
import importlib
import io
import tempfile
from collections.abc import Callable

from msgspec import Struct

from tests.golden.placement.answers import tools_cluster
from tests.unit.placement.clusters import cluster_text

COLUMNS = "-p+amem,plist,slist,ptags,peermap,idx,spindle_count,hi_spindles,inst_spindles"
_WIDE = "0,0,0,0,0,0;327680,160,104857600,16,8,12"  # any instance at all
_LAST = 12  # column of an instance: forthcoming
_NARROW = "128,1,1024,1,1,1;8192,8,102400,16,8,12"


def with_master(seed: int) -> str:
    """A cluster whose first node is the master."""
    before, after = cluster_text(seed).split("\n\n", 1)
    node = after.partition("\n")[0].split("|")
    node[7] = "M"
    return "\n\n".join((before, "|".join(node) + "\n" + after.partition("\n")[2]))


def narrow(seed: int) -> str:
    """A cluster whose policy has bounds as people set them; without forthcoming instances, at which hspace stumbles."""
    text = cluster_text(seed).replace(_WIDE, _NARROW)
    return "\n".join(
        f"{line[:-1]}N" if line.count("|") == _LAST and line.endswith("Y") else line for line in text.split("\n")
    )


class Run(Struct, frozen=True):
    tool: str
    cluster: Callable[[int], str]
    words: tuple[str, ...] = ()


RUNS = {
    "hinfo": Run("hinfo", cluster_text, ("-v", COLUMNS, "--print-instances")),
    "hbal": Run("hbal", cluster_text, ("-l5", "-g0", COLUMNS, "-C")),
    "hbal-enough": Run("hbal", cluster_text, ("-e", "1000")),
    "hcheck": Run("hcheck", cluster_text, ("--no-simulation", "--machine-readable")),
    "hroller": Run("hroller", with_master, ("--print-moves",)),
    "hroller-offline": Run("hroller", with_master, ("--offline-maintenance",)),
    "hspace": Run("hspace", narrow, ("--machine-readable", "--tiered-alloc=100m,100m,1", "-l", "60")),
    "hspace-words": Run("hspace", narrow, ("--tiered-alloc=1g,128m,1", "-l", "6")),
    "hsqueeze": Run("hsqueeze", tools_cluster, ("-v", "-v", "-C")),
}


def ours(run: Run, seed: int) -> tuple[int, str, str]:
    """Exit status, standard output and standard error."""
    tool = importlib.import_module(f"ganeti.cli.htools.{run.tool}")
    out, err = io.StringIO(), io.StringIO()
    with tempfile.NamedTemporaryFile("w", suffix=".data") as file:
        file.write(run.cluster(seed))
        file.flush()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = tool.main(["-t", file.name, *run.words])
    return status, stripped(out.getvalue()), stripped(err.getvalue())


def theirs(oracle, run: Run, seed: int) -> tuple[int, str, str]:
    with tempfile.NamedTemporaryFile("w", suffix=".data") as file:
        file.write(run.cluster(seed))
        file.flush()
        done = oracle.run(run.tool, "-t", file.name, *run.words, timeout=60)
    return done.returncode, stripped(done.stdout), stripped(done.stderr)


def stripped(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.splitlines())
