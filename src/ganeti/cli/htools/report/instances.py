# SPDX-License-Identifier: BSD-2-Clause
"""The table of instances (hbal(1), ``--print-instances``)."""

from __future__ import annotations

from ganeti.cli.htools.report.table import layout
from ganeti.placement.figures import decimals
from ganeti.placement.snapshot import NO_NODE, Instance, Snapshot

_TITLES = ["F", "Name", "Pri_node", "Sec_node", "Auto_bal", "vcpu", "mem", "dsk", "lCpu", "lMem", "lDsk", "lNet"]


def instance_table(snapshot: Snapshot) -> list[str]:
    rows = [_TITLES, *(_row(snapshot, instance) for instance in snapshot.instances)]
    return layout(rows, [False] * 5 + [True] * 7, " ")


def _row(snapshot: Snapshot, instance: Instance) -> list[str]:
    load = instance.load
    secondary = "" if instance.secondary == NO_NODE else snapshot.nodes[instance.secondary].name
    return [
        "R" if instance.status.running else " ",
        instance.name,
        snapshot.nodes[instance.primary].name,
        secondary,
        "Y" if instance.auto_balance else "N",
        str(instance.vcpus),
        f"{instance.memory:5d}",
        f"{instance.disk // 1024:5d}",
        *(decimals(value, 3) for value in (load.cpu, load.memory, load.disk, load.network)),
    ]
