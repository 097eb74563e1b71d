# SPDX-License-Identifier: BSD-2-Clause
"""The bench of mirrored disks: two virtual nodes, since DRBD and LVM need kernels of their own."""

import asyncio

from ganeti.host.paths import Paths
from ganeti.model.disk import DiskTemplate, Mirror
from ganeti.model.guest import Peer
from ganeti.model.template import TEMPLATES, StorageUnit
from ganeti.node.storage.drbd.commands import Drbd
from ganeti.node.storage.drbd.driver import DrbdStorage
from ganeti.node.storage.lvm.volumes import Volumes
from tests.contract.storage.conftest import Bench

GROUP = "mirrors"
_ROOM = 1024  # MiB of the volume group
_PORT = 11000
_TOLD = ("/sys/module/drbd/version", "/sys/module/drbd/parameters/usermode_helper")


class DrbdBench(Bench):
    """``nodes`` are machines of ``ganeti.lab.vm``; on each a volume group is made, with extents of 1 MiB."""

    def __init__(self, directory, *nodes):
        self.nodes = nodes
        self.storage, self.other = (self._storage_of(node, directory / node.name) for node in nodes)
        super().__init__(self.storage, StorageUnit(DiskTemplate.DRBD, GROUP))
        self.peers = tuple(Peer(f"uuid-{node.name}", node.name, node.secondary_address) for node in nodes)

    def _storage_of(self, node, root):
        node.script(f"""
            truncate -s {_ROOM}M /root/{GROUP}
            vgcreate -q -s 1m {GROUP} $(losetup --find --show /root/{GROUP})
        """)
        for path in _TOLD:
            copy = Paths(root).under(path)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(node.read(path))

        async def run(*command, timeout):
            return await asyncio.to_thread(node.run, *command, timeout=timeout)

        return DrbdStorage(node.name, Paths(root), Volumes(run), Drbd(run))

    def take_away(self):
        """Whatever is left of it."""
        for node in self.nodes:
            node.script(f"""
                for name in $(drbdsetup events2 --now | sed -n 's/^exists resource name:\\([^ ]*\\).*/\\1/p'); do
                    drbdsetup down $name
                done
                vgremove -q --force --yes {GROUP}
                losetup -D
                rm -f /root/{GROUP}
            """)

    def disk(self, size=1, index=0, **more):
        disk = super().disk(size, index)
        row = TEMPLATES[DiskTemplate.DRBD]
        mirror = Mirror(
            port=_PORT + index,
            # Other numbers than on the other node, as after years.
            minors=(index, index + 7),
            secret="secret" * 5,
            metadata=row.metadata(GROUP, disk.uuid, index),
        )
        place = {"location": row.location(GROUP, disk.uuid, index), "mirror": mirror}
        return super().disk(size, index, **(place | more))

    async def settled(self, disk):
        async with asyncio.timeout(300):
            while any([await self._synchronises(storage, disk) for storage in (self.storage, self.other)]):
                await asyncio.sleep(0.2)

    async def _synchronises(self, storage, disk):
        (status,) = await storage.examine([disk], self.peers)
        mirror = status.mirror
        return mirror and mirror.degraded and mirror.connection not in ("Connecting", "StandAlone")
