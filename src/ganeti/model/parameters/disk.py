# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of a disk template."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Struct

from ganeti.declare.parameter import param
from ganeti.declare.types import NonNegative, Positive

Access = Literal["kernelspace", "userspace"]


class NoDiskParameters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of templates that have nothing to set."""


class PlainParameters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    stripes: Annotated[Positive, param("Number of physical volumes to stripe over")] = 1


class DrbdParameters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """Rates are KiB/s, times tenths of a second, as drbdsetup(8) takes them."""

    c_delay_target: Annotated[NonNegative, param("Delay that resync aims at, 0.1 s")] = 1
    c_fill_target: Annotated[NonNegative, param("Data in flight that resync aims at, sectors")] = 0
    c_max_rate: Annotated[NonNegative, param("Highest resync rate, KiB/s")] = 61440
    c_min_rate: Annotated[NonNegative, param("Lowest resync rate, KiB/s")] = 4096
    c_plan_ahead: Annotated[NonNegative, param("How far the resync controller plans, 0.1 s")] = 20
    data_stripes: Annotated[Positive, param("Stripes of the data volume")] = 1
    disk_barriers: Annotated[str, param("Barriers to switch off: n, or any of b, f, d")] = "n"
    disk_custom: Annotated[str, param("More options for the disk")] = ""
    dynamic_resync: Annotated[bool, param("Let the controller set the resync rate")] = False
    meta_barriers: Annotated[bool, param("Switch off flushes of the metadata")] = False
    meta_stripes: Annotated[Positive, param("Stripes of the metadata volume")] = 1
    metavg: Annotated[str, param("Volume group of the metadata")] = "xenvg"
    net_custom: Annotated[str, param("More options for the connection")] = ""
    protocol: Annotated[Literal["A", "B", "C"], param("Replication protocol")] = "C"
    resync_rate: Annotated[NonNegative, param("Static resync rate, KiB/s")] = 61440


class ExtParameters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    access: Annotated[Access, param("Through a block device, or directly by the hypervisor")] = "kernelspace"


class RbdParameters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    access: Annotated[Access, param("Through a block device, or directly by the hypervisor")] = "kernelspace"
    pool: Annotated[str, param("Ceph pool of the images")] = "rbd"


class GlusterParameters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    access: Annotated[Access, param("Through a mount, or directly by the hypervisor")] = "kernelspace"
    host: Annotated[str, param("A server of the volume")] = "127.0.0.1"
    port: Annotated[Positive, param("Its port")] = 24007
    volume: Annotated[str, param("Name of the volume")] = "gv0"


DISK_PARAMETERS: dict[str, type[Struct]] = {
    "blockdev": NoDiskParameters,
    "diskless": NoDiskParameters,
    "drbd": DrbdParameters,
    "ext": ExtParameters,
    "file": NoDiskParameters,
    "gluster": GlusterParameters,
    "plain": PlainParameters,
    "rbd": RbdParameters,
    "sharedfile": NoDiskParameters,
}
