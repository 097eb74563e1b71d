# SPDX-License-Identifier: BSD-2-Clause
"""Disks as images in a pool of Ceph, by rbd(8)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec
from msgspec import Struct

from ganeti.errors import (
    AlreadyExists,
    EnvironmentUnfit,
    ExecutionFailed,
    GanetiError,
    UnknownEntity,
    WrongInput,
    WrongState,
)
from ganeti.host.paths import Paths
from ganeti.host.process import Finished, run
from ganeti.model.disk import Disk, DiskUse
from ganeti.model.guest import Peer
from ganeti.model.report import Space
from ganeti.model.template import StorageUnit
from ganeti.node.storage.driver import OpenDisk
from ganeti.node.storage.growing import ensure_no_shrinking
from ganeti.node.storage.looking import each_examined
from ganeti.rpc.contract.storage import DiskStatus
from ganeti.rpc.server import Report

T = TypeVar("T")

_MIB = 1024**2
# Seconds. Without a quorum Ceph's programs wait for ever.
_QUICK = 30.0
_REMOVAL = 500.0  # of an image, object by object
_NOT_THERE, _BUSY, _EXISTS, _NOT_EMPTY = 2, 16, 17, 39  # its exit statuses are errno's
_LOCATION = re.compile(r"rbd/(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)")
_POOL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?")


class _Info(Struct, frozen=True):
    size: int  # bytes


class _Mapped(Struct, frozen=True):
    pool: str
    name: str
    device: str
    namespace: str = ""


class _Watcher(Struct, frozen=True):
    address: str


class _Status(Struct, frozen=True):
    watchers: list[_Watcher]


@dataclass(frozen=True, slots=True)
class _Image:
    disk: Disk
    pool: str  # may be POOL/NAMESPACE
    name: str

    @classmethod
    def of(cls, disk: Disk) -> _Image:
        match = _LOCATION.fullmatch(disk.location)
        if match is None:
            raise WrongInput(f"Parameter 'location': '{disk.location}' is not a Ceph image")
        pool = str(disk.params.get("pool", "rbd"))
        if not _POOL.fullmatch(pool):
            raise WrongInput(f"Disk parameter 'pool': '{pool}' is not the name of a pool, nor POOL/NAMESPACE")
        return cls(disk, pool, match["name"])

    @property
    def spec(self) -> str:
        return f"{self.pool}/{self.name}"

    @property
    def user(self) -> str:
        return str(self.disk.params.get("user-id") or "")

    @property
    def userspace(self) -> bool:
        return self.disk.params.get("access") == "userspace"


class RbdStorage:
    """An image is mapped while this node uses it, or, with access ``userspace``, opened by QEMU alone."""

    def __init__(self, paths: Paths) -> None:
        self._configuration = paths.under("/etc/ceph/ceph.conf")

    async def create(self, disk: Disk, peers: Sequence[Peer], report: Report) -> None:
        del peers
        image = _Image.of(disk)
        told = await self._rbd(image, "create", "--size", f"{disk.size}M", image.spec)
        if told.status == _EXISTS:
            await self._ensure_same(image)
        elif told.failed:
            raise ExecutionFailed(f"{disk.called} ({disk.size} MiB) cannot be made: {told.why()}")
        report.progress(disk.size, disk.size, "MiB")

    async def remove(self, disk: Disk, peers: Sequence[Peer]) -> None:
        image = _Image.of(disk)
        await self.release(disk, peers)
        told = await self._rbd(image, "remove", "--no-progress", image.spec)
        if told.status == _BUSY:
            raise WrongState(f"{disk.called} is used: image {image.spec} is open{await self._where(image)}")
        if told.status == _NOT_EMPTY:
            raise WrongState(f"Image {image.spec} has snapshots; 'rbd snap purge {image.spec}' removes them")
        if told.failed and told.status != _NOT_THERE:
            raise ExecutionFailed(f"{disk.called} cannot be removed: {told.why()}")

    async def hold(self, disk: Disk, peers: Sequence[Peer], use: DiskUse, *, force: bool = False) -> OpenDisk:
        del force
        image = _Image.of(disk)
        if use is DiskUse.STANDBY:
            await self.release(disk, peers)
            return self._opened(image, "")
        await self._size(image)  # whose error is better than all later ones
        if image.userspace:
            return self._opened(image, "")
        return self._opened(image, await self._device(image) or await self._map(image))

    async def release(self, disk: Disk, peers: Sequence[Peer]) -> None:
        del peers
        image = _Image.of(disk)
        if image.userspace:
            return
        if device := await self._device(image):
            told = await self._rbd(image, "device", "unmap", device)
            if told.status == _BUSY:
                raise WrongState(f"{disk.called} is used: a program has {device} open")
            if told.failed:
                raise ExecutionFailed(f"{disk.called} cannot be released: {told.why()}")

    async def examine(self, disks: Sequence[Disk], peers: Sequence[Peer]) -> tuple[DiskStatus, ...]:
        del peers
        return await each_examined(disks, self._status)

    async def expected(self, disk: Disk, peers: Sequence[Peer]) -> OpenDisk:
        del peers
        image = _Image.of(disk)
        # Where udev links mapped images (ceph-common's rules).
        return self._opened(image, "" if image.userspace else f"/dev/rbd/{image.spec}")

    async def grow(self, disk: Disk, size: int, peers: Sequence[Peer], report: Report, *, copy: bool = False) -> None:
        del peers, copy
        image = _Image.of(disk)
        now = await self._size(image)
        ensure_no_shrinking(disk, now, size)
        if size > now:
            told = await self._rbd(image, "resize", "--no-progress", "--size", f"{size}M", image.spec)
            if told.failed:
                raise ExecutionFailed(f"{disk.called} cannot grow to {size} MiB: {told.why()}")
        report.progress(size, size, "MiB")

    async def space(self, unit: StorageUnit) -> Space | None:
        """Not queried: monitoring Ceph is left to its own tools, and nodes would hang when it does not answer."""
        del unit
        return None

    async def problems(self, unit: StorageUnit) -> tuple[str, ...]:
        disk = Disk(uuid="", template=unit.template, size=0, location="rbd/any", params={"pool": unit.key})
        try:
            told = await self._rbd(_Image.of(disk), "ls", unit.key)
        except GanetiError as error:
            return (error.message,)
        return (told.why(),) if told.failed else ()

    async def _status(self, disk: Disk) -> DiskStatus:
        try:
            image = _Image.of(disk)
            size = await self._size(image)
            path = "" if image.userspace else await self._device(image)
        except GanetiError as error:
            return DiskStatus(disk.uuid, "", problem=f"{disk.location}: {error.message}")
        problem = "" if size >= disk.size else f"The image has {size} MiB instead of {disk.size} MiB"
        return DiskStatus(disk.uuid, path or self._opened(image, "").uri, size, problem)

    async def _size(self, image: _Image) -> int:
        """In MiB. Raises UnknownEntity, EnvironmentUnfit if there is no such pool, ExecutionFailed."""
        told = await self._rbd(image, "info", "--format", "json", image.spec)
        if told.status == _NOT_THERE and "error opening pool" in told.errors:
            raise EnvironmentUnfit(f"Ceph has no pool '{image.pool}' for {image.disk.called}")
        if told.status == _NOT_THERE:
            raise UnknownEntity(f"There is no image {image.spec} for {image.disk.called}")
        return _answer(told, _Info).size // _MIB

    async def _ensure_same(self, image: _Image) -> None:
        size = await self._size(image)
        if size != image.disk.size:
            raise AlreadyExists(
                f"There is an image {image.spec} already and it has {size} MiB instead of {image.disk.size} MiB"
            )

    async def _device(self, image: _Image) -> str:
        """The device of the mapped image; empty if it is not mapped."""
        mapped = _answer(await self._rbd(image, "device", "list", "--format", "json"), list[_Mapped])
        pool, _, namespace = image.pool.partition("/")
        wanted = (pool, namespace, image.name)
        return next((one.device for one in mapped if (one.pool, one.namespace, one.name) == wanted), "")

    async def _map(self, image: _Image) -> str:
        told = await self._rbd(image, "device", "map", image.spec)
        if told.failed:
            raise EnvironmentUnfit(
                f"Image {image.spec} cannot be mapped: {told.why()}. It takes the kernel module 'rbd'; "
                "with the disk parameter access=userspace QEMU does not need it"
            )
        return told.output.strip()

    async def _where(self, image: _Image) -> str:
        told = await self._rbd(image, "status", "--format", "json", image.spec)
        addresses = [] if told.failed else [watcher.address for watcher in _answer(told, _Status).watchers]
        return f" at {', '.join(addresses)}" if addresses else ""

    def _opened(self, image: _Image, path: str) -> OpenDisk:
        """QEMU reads the same configuration as rbd(8)."""
        conf = str(self._configuration).replace(":", r"\:")
        user = f":id={image.user}" if image.user else ""
        uri = f"rbd:{image.spec}:conf={conf}{user}" if image.userspace else ""
        return OpenDisk(image.disk, path, block=True, uri=uri)

    async def _rbd(self, image: _Image, *words: str) -> Finished:
        if not self._configuration.is_file():
            raise EnvironmentUnfit(f"This node has no {self._configuration}: it does not know where Ceph is")
        user = ("--id", image.user) if image.user else ()
        try:
            timeout = _REMOVAL if words[0] == "remove" else _QUICK
            return await run("rbd", "--conf", self._configuration, *user, *words, timeout=timeout)
        except EnvironmentUnfit:
            raise EnvironmentUnfit("The program 'rbd' is not installed on this node (Debian: ceph-common)") from None
        except ExecutionFailed as error:
            raise ExecutionFailed(f"Ceph does not answer: {error.message}; 'ceph -s' tells how it is") from None


def _answer(told: Finished, kind: type[T]) -> T:
    if told.failed:
        raise ExecutionFailed(told.why())
    try:
        return msgspec.json.decode(told.output or "[]", type=kind)
    except msgspec.DecodeError as error:
        raise ExecutionFailed(f"'{told.command[0]}' gave an answer that makes no sense: {error}") from None
