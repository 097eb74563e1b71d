# SPDX-License-Identifier: BSD-2-Clause
"""The monitoring daemon: serves what this node can report about itself over HTTP. It changes nothing."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import msgspec

from ganeti.daemons.confd.client import ConfdClient
from ganeti.daemons.confd.protocol import QueryType
from ganeti.daemons.daemon import main as run_daemon
from ganeti.daemons.mond.http import PORT, server
from ganeti.daemons.mond.monitor import Look, Monitor, Sight
from ganeti.errors import EnvironmentUnfit, GanetiError
from ganeti.host.addresses import is_own_address
from ganeti.host.clock import Clock, WallClock
from ganeti.host.daemons import Daemon
from ganeti.host.files import read_text
from ganeti.host.paths import Paths
from ganeti.model.collectors import CollectorSetting
from ganeti.node.monitoring.block_devices import block_devices
from ganeti.node.monitoring.drbd import mirrors
from ganeti.node.monitoring.instances import Expected, instances
from ganeti.node.monitoring.processors import Processors
from ganeti.node.monitoring.volumes import volumes

T = TypeVar("T")
_Mirrors = list[tuple[str, int, str, str, str, str]]


class _Cluster:
    """What is known about the cluster from ganeti-confd."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._client = ConfdClient(paths)

    async def settings(self) -> Mapping[str, CollectorSetting]:
        return await self._asked(QueryType.COLLECTORS, None, dict[str, CollectorSetting])

    async def expected(self) -> list[Expected]:
        """The instances that this node is the primary node of."""
        return (await self._asked(QueryType.NODE_INSTANCES, self._own_name(), list[list[Expected]]))[0]

    async def mirrored(self) -> dict[int, str]:
        """By the minor numbers of DRBD devices here, the names of instances."""
        rows = await self._asked(QueryType.NODE_DRBD, self._own_name(), _Mirrors)
        return {minor: instance for _, minor, instance, *_ in rows}

    def _own_name(self) -> str:
        """Found by this machine's address; the certificate has it too, but reading that takes much memory."""
        lines = (read_text(self._paths.ssconf("node_primary_ips")) or "").splitlines()
        known = [line.split() for line in lines]
        name = next((words[0] for words in known if len(words) == 2 and is_own_address(words[1])), None)
        if name is None:
            raise EnvironmentUnfit("This machine has no address of a node of the cluster")
        return name

    async def _asked(self, kind: QueryType, query: Any, shape: type[T]) -> T:
        answer = await asyncio.to_thread(self._client.ask, kind, query)
        try:
            return msgspec.convert(answer, shape)
        except msgspec.ValidationError as error:
            raise EnvironmentUnfit(f"ganeti-confd says something else than expected: {error}") from None


def _looks(paths: Paths, cluster: _Cluster, clock: Clock) -> Mapping[str, Look]:
    processors = Processors()

    async def cpu() -> Sight:
        return Sight(processors.look(clock.now()))

    async def diskstats() -> Sight:
        return Sight(block_devices())

    async def drbd() -> Sight:
        try:
            names = await cluster.mirrored()
        except GanetiError:  # the disks' state is known even without their instances
            names = {}
        status, data = mirrors(names)
        return Sight(data, status)

    async def guests() -> Sight:
        status, data = instances(paths, await cluster.expected(), clock.now())
        return Sight(data, status)

    async def lv() -> Sight:
        return Sight(await volumes())

    return {"cpu-avg-load": cpu, "diskstats": diskstats, "drbd": drbd, "inst-status-kvm": guests, "lv": lv}


@asynccontextmanager
async def life(paths: Paths, stop: asyncio.Event) -> AsyncIterator[None]:
    """Serve until asked to stop."""
    del stop  # nothing but a signal ends it
    cluster, clock = _Cluster(paths), WallClock()
    monitor = Monitor(_looks(paths, cluster, clock), cluster.settings, clock)
    serving = server(monitor)
    await serving.open(PORT)
    work = asyncio.create_task(monitor.work(), name="monitor")
    try:
        yield
    finally:
        work.cancel()
        await asyncio.wait([work])
        await serving.close()


def main() -> int:
    return run_daemon(Daemon.MONITORING, "Ganeti's monitoring daemon", life)


if __name__ == "__main__":
    sys.exit(main())
