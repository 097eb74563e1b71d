# SPDX-License-Identifier: BSD-2-Clause
"""Activates mirrored disks that are not active on all their nodes, for example after a reboot."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from ganeti.daemons.masterd.own_jobs import OwnJobs
from ganeti.errors import GanetiError
from ganeti.jobs.context import Services
from ganeti.model.group import Group
from ganeti.model.instance import AdminState, Instance
from ganeti.model.job import JobStatus
from ganeti.model.kind import Kind
from ganeti.model.node import Node
from ganeti.operations.group.verify_disks import GroupVerifyDisks
from ganeti.operations.instance.activate_disks import InstanceActivateDisks
from ganeti.operations.instance.activation import is_mirrored

_log = logging.getLogger(__name__)

_LOW = 10  # priority of jobs that are not urgent
_FIRST_PAUSE = 300.0  # seconds until a failed activation is tried again; doubled each time
_LONGEST_PAUSE = 3600.0


class DiskCare:
    """A job for each group finds them, one for each instance activates them."""

    def __init__(self, services: Services, jobs: OwnJobs) -> None:
        self._services = services
        self._jobs = jobs
        self._pauses: dict[str, tuple[float, float]] = {}  # by instance: until when to wait, and how long

    async def look_after(self, groups: Iterable[Group]) -> list[int]:
        """The numbers of the jobs, which have ended by then. Groups do not wait for one another."""
        state = self._services.configuration.state
        wanted = (one for one in state.instances if one.admin_state is AdminState.UP and is_mirrored(one))
        concerned = {state.get(Node, instance.primary_node).group for instance in wanted}
        found = await asyncio.gather(*(self._look_after(group) for group in groups if group.uuid in concerned))
        return [number for numbers in found for number in numbers]

    async def _look_after(self, group: Group) -> list[int]:
        try:
            job = await self._jobs.done(
                GroupVerifyDisks(group_name=group.name, priority=_LOW), "mirrored disks are looked at"
            )
            if job.status is not JobStatus.SUCCESS:
                return [job.id]
            _, inactive, lost = job.steps[0].result
            for name, missing in lost.items():
                told = ", ".join(f"{location} on {node}" for node, location in missing)
                _log.warning("Instance %s has missing disks: %s", name, told)
            return [job.id, *await asyncio.gather(*(self._activate(one) for one in self._ready(inactive)))]
        except GanetiError as error:
            _log.warning("The disks of group %s could not be looked after: %s", group.name, error.message)
            return []

    def _ready(self, names: Iterable[str]) -> list[Instance]:
        """The instances that no job works on and that are due again."""
        state, now = self._services.configuration.state, asyncio.get_running_loop().time()
        busy = self._services.locks.wanted_exclusively(Kind.INSTANCE)
        known = [
            state.get(Instance, state.names[key]) for name in names if (key := (Kind.INSTANCE, name)) in state.names
        ]
        self._pauses = {uuid: pause for uuid, pause in self._pauses.items() if uuid in state.entities[Kind.INSTANCE]}
        return [one for one in known if one.name not in busy and self._pauses.get(one.uuid, (0.0, 0.0))[0] <= now]

    async def _activate(self, instance: Instance) -> int:
        _log.info("The disks of instance %s are not active on all its nodes", instance.name)
        operation = InstanceActivateDisks(
            instance_name=instance.name, instance_uuid=instance.uuid, by_watcher=True, priority=_LOW
        )
        job = await self._jobs.done(operation, "its disks were not active on all its nodes")
        if job.status is JobStatus.SUCCESS:
            self._pauses.pop(instance.uuid, None)
        else:
            pause = min(2 * self._pauses.get(instance.uuid, (0.0, _FIRST_PAUSE / 2))[1], _LONGEST_PAUSE)
            self._pauses[instance.uuid] = (asyncio.get_running_loop().time() + pause, pause)
        return job.id
