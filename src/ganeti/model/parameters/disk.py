# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of a disk template."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Struct

from ganeti.declare.parameter import param
from ganeti.declare.types import NonNegative, Positive, Text, form

Barriers = Annotated[str, form(r"n|[bfd]{1,3}", "'n', or one to three of the letters b, f and d", 3)]
Access = Literal["kernelspace", "userspace"]
Preallocation = Literal["off", "metadata", "falloc"]
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
CephPool = Annotated[str, form(rf"{_NAME}(/{_NAME})?", "the name of a pool, or POOL/NAMESPACE", 255)]
GlusterHost = Annotated[str, form(r"[A-Za-z0-9][A-Za-z0-9.:-]*", "a host name or an IP address", 253)]
GlusterVolume = Annotated[str, form(r"[A-Za-z0-9][A-Za-z0-9_-]*", "the name of a volume of Gluster", 255)]
CephUser = Annotated[str, form(rf"({_NAME})?", "the name of a user of Ceph, such as kvm", 255)]


ThinPool = Annotated[str, form(r"([A-Za-z0-9+_.][A-Za-z0-9+_.-]*)?", "the name of a thin pool of LVM, or nothing", 127)]
# By template: parameters that say where new disks are created, and do not affect existing ones.
AT_CREATION = {"plain": frozenset({"thinpool"})}


class NoDiskParameters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of templates that have nothing to set."""


class FileParameters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    preallocation: Annotated[
        Preallocation,
        param("What a disk of format qcow2 takes of its space when it is made: nothing, its metadata, or all (falloc)"),
    ] = "off"


class PlainParameters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    stripes: Annotated[Positive, param("Number of physical volumes to stripe over, of disks in no thin pool")] = 1
    thinpool: Annotated[
        ThinPool, param("Thin pool that new disks are made in, of their volume group; none if empty")
    ] = ""


class DrbdParameters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """Rates are KiB/s, times tenths of a second, as drbdsetup(8) takes them."""

    c_delay_target: Annotated[NonNegative, param("Target delay of the resync controller, 0.1 s")] = 1
    c_fill_target: Annotated[NonNegative, param("Target amount of resync data in flight, sectors")] = 0
    c_max_rate: Annotated[NonNegative, param("Maximum resync rate, KiB/s")] = 61440
    c_min_rate: Annotated[NonNegative, param("Minimum resync rate, KiB/s")] = 4096
    c_plan_ahead: Annotated[NonNegative, param("Planning window of the resync controller, 0.1 s")] = 20
    data_stripes: Annotated[Positive, param("Stripes of the data volume")] = 1
    disk_barriers: Annotated[
        Barriers, param("What is not to be used to keep writes in order: n for none, or barriers b, flushes f, drain d")
    ] = "n"
    disk_custom: Annotated[Text, param("Additional disk options of DRBD", reaches="arguments")] = ""
    dynamic_resync: Annotated[bool, param("Adjust the resync rate dynamically")] = False
    meta_barriers: Annotated[bool, param("Disable flushes of the metadata")] = False
    meta_stripes: Annotated[Positive, param("Stripes of the metadata volume")] = 1
    metavg: Annotated[Text, param("Volume group of the metadata")] = "xenvg"
    net_custom: Annotated[Text, param("Additional network options of DRBD", reaches="arguments")] = ""
    protocol: Annotated[Literal["A", "B", "C"], param("Replication protocol")] = "C"
    resync_rate: Annotated[NonNegative, param("Static resync rate, KiB/s")] = 61440


class ExtParameters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    access: Annotated[Access, param("Access from kernel space (block device) or directly by the hypervisor")] = (
        "kernelspace"
    )


class RbdParameters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    access: Annotated[Access, param("Access from kernel space (block device) or directly by the hypervisor")] = (
        "kernelspace"
    )
    pool: Annotated[CephPool, param("Ceph pool of the images, or POOL/NAMESPACE")] = "rbd"
    user_id: Annotated[CephUser, param("Ceph user, without 'client.'; admin if empty", reaches="arguments")] = ""


class GlusterParameters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    access: Annotated[Access, param("Access from kernel space (mount) or directly by the hypervisor")] = "kernelspace"
    host: Annotated[GlusterHost, param("Host name of a server of the volume", reaches="arguments")] = "127.0.0.1"
    port: Annotated[Positive, param("Port of the server")] = 24007
    volume: Annotated[GlusterVolume, param("Name of the volume", reaches="arguments")] = "gv0"


DISK_PARAMETERS: dict[str, type[Struct]] = {
    "blockdev": NoDiskParameters,
    "diskless": NoDiskParameters,
    "drbd": DrbdParameters,
    "ext": ExtParameters,
    "file": FileParameters,
    "gluster": GlusterParameters,
    "plain": PlainParameters,
    "rbd": RbdParameters,
    "sharedfile": FileParameters,
}
