# SPDX-License-Identifier: BSD-2-Clause
"""What allows the disks of an instance to be copied while its guest uses them."""

from __future__ import annotations

from collections.abc import Iterator

from ganeti.model.guest import Guest
from ganeti.model.parameters.hypervisor import PASSED_THROUGH

_COPYING = ("kvm", "fake")  # hypervisors that copy the disks of a running guest


def live_obstacles(runs: Guest, configured: Guest) -> Iterator[str]:
    """Why the disks of a guest cannot be copied while it runs, as text."""
    if runs.hypervisor not in _COPYING:
        yield f"hypervisor {runs.hypervisor} does not copy disks that a guest uses"
    if (kind := runs.hvparams.get("disk_type")) in PASSED_THROUGH:
        yield f"its disks are of type {kind}, which it accesses past QEMU (disk_type)"
    yield from (f"disk/{index} is read-only" for index, disk in enumerate(runs.disks) if disk.mode == "ro")
    if {disk.uuid for disk in runs.disks} != {disk.uuid for disk in configured.disks}:
        yield "it has other disks until its next start than those configured"
