# SPDX-License-Identifier: BSD-2-Clause
"""The cluster's own address: checks continuously that the master node has it, and no other machine."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from ganeti.config.configuration import Configuration
from ganeti.errors import GanetiError, WrongState
from ganeti.model.cluster import Cluster
from ganeti.model.entity import Entity
from ganeti.model.state import State
from ganeti.rpc.client import NodeClient
from ganeti.rpc.contract.node import SetMasterIp

_log = logging.getLogger(__name__)

_EVERY = 10.0  # seconds between two checks when nothing has happened
_RETRY = 5.0
# A replaced master gives it up within seconds. So it is tried again soon; after ``_PATIENCE`` tries in a row it is set
# up although another machine has it.
_SOON = 1.0  # seconds
_PATIENCE = 10  # tries


class ClusterAddress:
    """Follows the configuration. ``problem`` says why the address is not as it should be, or is empty.

    ``holds``: whether this is certainly the master; one that is cut off gives the address up until it is certain again.
    """

    def __init__(self, configuration: Configuration, nodes: NodeClient, holds: Callable[[], bool]) -> None:
        self.problem = ""
        self._holds = holds
        self._configuration = configuration
        self._nodes = nodes
        self._held = True  # whether it should be held
        self._refused = 0  # tries in a row that met another holder
        self._look = asyncio.Event()
        self._lock = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        configuration.subscribe(self._changed)

    def start(self) -> None:
        self._task = asyncio.create_task(self._look_after(), name="cluster address")

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def hold(self, *, up: bool) -> None:
        """Have the master hold it from now on, or give it up until the next start of the master daemon.

        Raises an error if that is not possible.
        """
        self._held = up
        await self.settle()

    def ensure_ours(self) -> None:
        """Raise WrongState if something else manages the address."""
        cluster = self._configuration.state.cluster
        if not cluster.master_ip or cluster.use_external_mip_script:
            raise WrongState("The cluster's address is set up by an external script (--use-external-mip-script)")

    def _changed(self, state: State, puts: Sequence[Entity], deletes: Sequence[Entity]) -> None:
        del state, deletes
        if any(isinstance(entity, Cluster) for entity in puts):
            self._look.set()

    async def _look_after(self) -> None:
        while True:
            self._look.clear()
            try:
                await self.settle()
            except GanetiError as error:
                if error.message != self.problem:
                    _log.warning("The cluster's address: %s", error.message)
                self.problem = error.message
            try:
                async with asyncio.timeout(self._pause):
                    await self._look.wait()
            except TimeoutError:
                pass

    @property
    def _pause(self) -> float:
        """Seconds until the next check."""
        if not self.problem:
            return _EVERY
        return _SOON if 0 < self._refused <= _PATIENCE else _RETRY

    async def settle(self) -> None:
        """Have the master node hold what the configuration says, or give it up, at once.

        Raises an error if it can't.
        """
        state = self._configuration.state
        cluster = state.cluster
        if not cluster.master_ip or cluster.use_external_mip_script:
            return
        call = SetMasterIp(
            up=self._held and self._holds(),
            address=cluster.master_ip,
            netmask=cluster.master_netmask,
            device=cluster.master_netdev,
            force=self._refused >= _PATIENCE,
        )
        async with self._lock:
            try:
                answer = await self._nodes.call(state.master, call)
            except WrongState:
                self._refused += 1
                raise
        self._refused = 0
        if answer.rival:
            raise WrongState(f"{cluster.master_ip} is also held by the machine with the MAC address {answer.rival}")
        if self.problem:
            _log.info("The cluster's address %s is as it should be", cluster.master_ip)
        self.problem = ""
