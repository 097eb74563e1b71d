# SPDX-License-Identifier: BSD-2-Clause
"""What real operators type, on a cluster of real daemons.

A test is a procedure: ``@procedure("node-06")``, its title as docstring. Nearly all of them share one lab; each puts
back what it has changed, which is compared, and a lab that is not as it was is given up.
"""

from __future__ import annotations

import itertools
import os
from collections import Counter
from typing import Any

import pytest

from ganeti.lab.lab import Lab, down
from tests.real.cluster.conftest import provider  # noqa: F401 - a fixture
from tests.real.procedures.administrator import Administrator, prepare

INIT = (
    "gnt-cluster init --enabled-hypervisors=kvm,fake --enabled-disk-templates=sharedfile,file,diskless,ext"
    " --master-netdev=br0 --nic-parameters=link=br0 cluster"
)
# What a procedure must leave as it was; of the cluster all but when it was changed.
LOOKS = {
    "node": ("name", "role", "group", "sip", "pinst_list", "tags", "custom_ndparams"),
    "group": ("name", "node_cnt", "tags", "custom_diskparams", "custom_ipolicy"),
    "instance": ("name",),
    "network": ("name",),
    "filter": ("uuid",),
}
REMOVE = "gnt-instance remove -f --shutdown-timeout=0"
PASSES = ("mtime", "serial_no")
_numbers = itertools.count()


class Site:
    """The lab that procedures share, for as long as they leave it as they found it."""

    def __init__(self, provider) -> None:  # noqa: F811 - a fixture
        self._provider = provider
        self._lab: Lab | None = None
        self._before: dict[str, Any] = {}

    def lab(self) -> Lab:
        if self._lab is None:
            self._lab = furnished(self._provider)
            someone = Administrator(self._lab, {})
            someone.types(f"{INIT} && gnt-node add node2 && gnt-node add node3")
            self._before = look(someone)
        return self._lab

    def compare(self, someone: Administrator) -> None:
        now = look(someone)
        assert now == self._before, "the procedure has left something behind"

    def give_up(self) -> None:
        if self._lab is not None:
            down(self._lab.plan.name)
        self._lab = None


def furnished(provider, nodes: int = 3) -> Lab:  # noqa: F811 - a fixture
    """Machines that are on and know the names of guests, with no cluster yet."""
    lab = Lab.up(f"p{os.getpid() % 10**6}c{next(_numbers)}", nodes=nodes, provider=provider)
    for node in lab.nodes:
        prepare(node)
        guests = "".join(f"{lab.plan.host(149 + n)} web{n}.lab.test web{n}\n" for n in (1, 2, 3))
        node.write("/etc/hosts", node.read("/etc/hosts") + guests)
    return lab


def look(someone: Administrator) -> dict[str, Any]:
    with someone.client() as client:
        cluster = client.call("QueryClusterInfo")
        seen = {name: value or None for name, value in cluster.items() if name not in PASSES}
        for what, fields in LOOKS.items():
            rows = client.call("Query", what, list(fields), None)["data"]
            seen[what] = [[value for _, value in row] for row in rows]
        flags = client.call("QueryConfigValues", ["drain_flag", "watcher_pause"])
    return {**seen, "flags": flags}


@pytest.fixture(scope="session")
def site(provider):  # noqa: F811 - a fixture
    made = Site(provider)
    yield made
    made.give_up()


@pytest.fixture
def admin(site, request):
    """At the master of a cluster of three nodes, with nothing on it."""
    someone = Administrator(site.lab(), instead_of(request))
    try:
        yield someone
        someone.types(f"gnt-instance list --no-headers -o name | xargs -r -n1 {REMOVE}")
        someone.leaves()
        site.compare(someone)
    except BaseException:
        site.give_up()
        raise


@pytest.fixture(scope="module")
def two_machines(provider):  # noqa: F811 - a fixture
    lab = furnished(provider, nodes=2)
    yield lab
    down(lab.plan.name)


@pytest.fixture
def newcomer(two_machines, request):
    """At the first of two machines that are in no cluster, nor will be afterwards."""
    someone = Administrator(two_machines, instead_of(request))
    yield someone
    someone.leaves()
    someone.types("gnt-node list --no-headers -o name --filter 'role != \"M\"' | xargs -r -n1 gnt-node remove")
    someone.types("gnt-cluster destroy --yes-do-it")


def instead_of(request) -> dict[str, str]:
    return request.node.get_closest_marker("procedure").kwargs.get("instead", {})


def pytest_runtest_setup(item):
    if marker := item.get_closest_marker("procedure"):
        item.user_properties.append(("procedure", marker.args[0]))


def pytest_collection_modifyitems(items):
    names = [marker.args[0] for item in items if (marker := item.get_closest_marker("procedure"))]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise pytest.UsageError(f"There are two procedures {', '.join(twice)}")


def pytest_terminal_summary(terminalreporter):
    outcomes = {}
    for kind in ("passed", "skipped", "failed", "error"):
        for report in terminalreporter.stats.get(kind, []):
            told = dict(getattr(report, "user_properties", ()))
            if "procedure" in told:
                outcomes[told["procedure"]] = why(report) if kind == "skipped" else kind
    if outcomes:
        terminalreporter.section("procedures of operators")
        for outcome, count in sorted(Counter(outcomes.values()).items(), key=lambda row: (row[0] != "passed", -row[1])):
            names = [name for name, other in outcomes.items() if other == outcome]
            terminalreporter.line(f"{count:>3}  {outcome}" + ("" if outcome == "passed" else f": {', '.join(names)}"))
        terminalreporter.line(f"{len(outcomes):>3}  in all")


def why(report) -> str:
    return report.longrepr[2].removeprefix("Skipped: ")
