# SPDX-License-Identifier: BSD-2-Clause
"""All checks, in the order of their reports.

A new one is a row in the file of its subject, or a file and a line here.
"""

from __future__ import annotations

from ganeti.operations.cluster.verify.check import Check
from ganeti.operations.cluster.verify.checks import (
    addresses,
    candidacy,
    capacity,
    certificates,
    configuration,
    cpu_models,
    disks,
    drbd,
    files,
    hooks,
    instances,
    mastership,
    names,
    network,
    nodes,
    os,
    pools,
    power,
    replicas,
    running,
    spindles,
    storage,
    strays,
)

OF_CONFIGURATION: tuple[Check, ...] = (
    nodes.ANSWERS,
    *configuration.CHECKS,
    *addresses.CHECKS,
    *replicas.CHECKS,
    *power.CHECKS,
)
OF_GROUP: tuple[Check, ...] = (
    nodes.ANSWERS,
    *nodes.CHECKS,
    *mastership.CHECKS,
    *candidacy.CHECKS,
    *certificates.CHECKS,
    *files.CHECKS,
    *hooks.CHECKS,
    *network.CHECKS,
    *names.CHECKS,
    *storage.CHECKS,
    *drbd.CHECKS,
    *os.CHECKS,
    *instances.CHECKS,
    *running.CHECKS,
    *cpu_models.CHECKS,
    *strays.CHECKS,
    *disks.CHECKS,
    *spindles.CHECKS,
    *pools.CHECKS,
    *capacity.CHECKS,
)
