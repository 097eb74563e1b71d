# SPDX-License-Identifier: BSD-2-Clause
"""Starts instances that should run and do not, and does what else Ganeti's watcher does.

It checks an instance as soon as something happens to its guest or its nodes, and all of them once a minute. A decision
is verified where it is carried out: under the instance's lock (``ensure_lost``), by a job like any other.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Generator, Iterable, Sequence
from typing import Any

from msgspec import Struct

from ganeti.daemons.masterd.background import Background
from ganeti.daemons.masterd.own_jobs import OwnJobs
from ganeti.daemons.masterd.watcher.disks import DiskCare
from ganeti.daemons.masterd.watcher.files import WatcherFiles
from ganeti.daemons.masterd.watcher.judgement import GIVEN_UP, Action, Judge, Verdict
from ganeti.daemons.masterd.watcher.offline_nodes import OfflineNodes
from ganeti.daemons.masterd.watcher.pause import Pause
from ganeti.errors import GanetiError, TooMany, in_words
from ganeti.jobs.context import Services
from ganeti.jobs.executor import Executor
from ganeti.jobs.lockset import exclusive
from ganeti.jobs.queue import finished_before
from ganeti.model.entity import Entity, evolve
from ganeti.model.group import Group
from ganeti.model.instance import Instance
from ganeti.model.kind import Kind
from ganeti.model.node import Node
from ganeti.model.report import GuestEvent
from ganeti.model.restarts import recent
from ganeti.model.state import State
from ganeti.operations.instance.startup import InstanceStartup
from ganeti.query.view import View
from ganeti.rpc.contract.hooks import RunWatcherScripts

_log = logging.getLogger(__name__)

_LOOK = 60.0  # seconds between two checks of all instances
_ROUND = 300.0  # seconds between two rounds, as cron starts Ganeti's watcher
_QUIET = 5.0  # seconds until the round that a returning node causes: nodes tend to come back together
_AGAIN = 5.0  # seconds until an instance is checked again whose restart was not recorded
MOST_ORDERED = 8  # rounds, including the one under way
JOB_AGE = 6 * 3600.0  # seconds after which finished jobs are archived, as by ganeti-watcher(8)
_OWNER = "masterd"
_SOURCE = "gnt:watcher"  # in the reason trail, as Ganeti's
_WHY = "it should run and did not"  # likewise


class Round(Struct, frozen=True, kw_only=True):
    """The results of a round: the numbers of its jobs, and, as text, what was left undone.

    ``at_rest``: nothing was done; the only note says why.
    """

    jobs: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    at_rest: bool = False


class Watcher:
    """Active from ``start`` to ``stop``."""

    def __init__(
        self, services: Services, executor: Executor, files: WatcherFiles, note: Callable[[Instance], None]
    ) -> None:
        """``note``: records that the guest of an instance has shut itself down."""
        self.pause = Pause(services.configuration, files, services.clock)
        self._services = services
        self._executor = executor
        self._files = files
        self._note = note
        self._jobs = OwnJobs(executor, services.clock, _SOURCE)
        self._disks = DiskCare(services, self._jobs)
        self._offline = OfflineNodes(services)
        self._wanted = asyncio.Event()
        self._due: dict[str, float] = {}  # by UUID of instances, the event loop's time
        self._look_at = self._round_at = 0.0  # likewise, of all instances
        self._rounds = asyncio.Lock()
        self._ordered = 0
        self._starting: set[str] = set()
        self._told: dict[str, str] = {}
        self._background = Background()
        services.configuration.subscribe(self._configuration_changed)

    def start(self) -> None:
        self._background.spawn(self._work())

    async def stop(self) -> None:
        await self._background.stop()

    def guest_event(self, event: GuestEvent) -> None:
        """Something has happened to a guest."""
        if event.state.ended:
            self._look_soon(event.uuid)

    def node_seen(self) -> None:
        """A node's guests are known from now on. It may have been rebooted, or be what others waited for."""
        self._look_at = 0.0
        self._round_at = min(self._round_at, asyncio.get_running_loop().time() + _QUIET)
        self._wanted.set()

    async def round(
        self,
        *,
        ignore_pause: bool = False,
        group: Group | None = None,
        verify_disks: bool = True,
        job_age: float = JOB_AGE,
    ) -> Round:
        """All that a run of Ganeti's watcher does; for one node group, only what concerns its instances."""
        async with self._rounds:
            if rest := self._at_rest(ignore_pause=ignore_pause):
                return Round(notes=(rest,), at_rest=True)
            verdicts, started = await self._look(self._instances_of(group))
            numbers = [number for number in await asyncio.gather(*started) if number]
            groups = [group] if group else self._state.groups
            numbers += await self._disks.look_after(groups) if verify_disks else []
            if group is None:
                await self._offline.look_after()
                await self._run_scripts()
                await self._archive(job_age)
            await self._show_status()
        notes = [f"{name}: {verdict.why}" for name, verdict in verdicts.items() if verdict.why]
        return Round(jobs=tuple(numbers), notes=tuple(notes))

    async def ordered(self, *, wait: bool, **options: Any) -> Round | None:
        """See ``round``. It goes on even if nobody waits for it any more.

        Raises TooMany if ``MOST_ORDERED`` of them are not over yet.
        """
        if self._ordered >= MOST_ORDERED:
            raise TooMany(f"{self._ordered} rounds of the watcher have been ordered already, and are not over")
        self._ordered += 1
        task = self._background.spawn(self._routine(**options))
        task.add_done_callback(self._over)
        return await asyncio.shield(task) if wait else None

    def _over(self, task: asyncio.Task[Any]) -> None:
        del task
        self._ordered -= 1

    @property
    def _state(self) -> State:
        return self._services.configuration.state

    def _configuration_changed(self, state: State, puts: Sequence[Entity], deletes: Sequence[Entity]) -> None:
        del state
        for entity in deletes:
            self._told.pop(entity.uuid, None)
        if any(entity.kind in (Kind.NODE, Kind.CLUSTER) for entity in (*puts, *deletes)):
            self._look_at = 0.0
            self._wanted.set()

    def _look_soon(self, uuid: str, seconds: float = 0.0) -> None:
        self._due[uuid] = asyncio.get_running_loop().time() + seconds
        self._wanted.set()

    async def _work(self) -> None:
        while True:
            self._wanted.clear()
            try:
                await self.pause.look()
                await self._turn()
            except Exception as error:  # noqa: BLE001 - the next look may fare better, and must come
                _log.error(
                    "The watcher could not look: %s", in_words(error), exc_info=not isinstance(error, GanetiError)
                )
            await self._sleep()

    async def _sleep(self) -> None:
        until = min(self._look_at, self._round_at, *self._due.values())
        try:
            async with asyncio.timeout_at(until):
                await self._wanted.wait()
        except TimeoutError:
            pass

    async def _turn(self) -> None:
        """Check what is due."""
        now = asyncio.get_running_loop().time()
        due = [uuid for uuid, moment in self._due.items() if moment <= now]
        for uuid in due:
            del self._due[uuid]
        everything, whole = self._look_at <= now, self._round_at <= now
        self._look_at = now + _LOOK if everything else self._look_at
        self._round_at = now + _ROUND if whole else self._round_at
        if self._at_rest():
            return
        if whole and not self._rounds.locked():
            self._background.spawn(self._routine())  # which checks everything
            return
        if whole:
            self._round_at = now + _QUIET
        if everything:
            await self._look(self._state.instances)
        else:
            known = (self._state.entities[Kind.INSTANCE].get(uuid) for uuid in due)
            await self._look(instance for instance in known if isinstance(instance, Instance))

    async def _routine(self, **options: Any) -> Round:
        try:
            return await self.round(**options)
        except Exception as error:  # noqa: BLE001 - the next round may fare better
            _log.error(
                "A round of the watcher failed: %s", in_words(error), exc_info=not isinstance(error, GanetiError)
            )
            return Round(notes=(f"The round failed: {in_words(error)}",))

    def _at_rest(self, *, ignore_pause: bool = False) -> str:
        """Why nothing is done at present; empty if something may be."""
        if self._state.cluster.drained_queue:
            return "the job queue is drained"
        return "the watcher is paused" if self.pause.until and not ignore_pause else ""

    def _instances_of(self, group: Group | None) -> list[Instance]:
        state = self._state
        if group is None:
            return state.instances
        return [one for one in state.instances if state.get(Node, one.primary_node).group == group.uuid]

    # Instances that do not run.

    async def _look(self, instances: Iterable[Instance]) -> tuple[dict[str, Verdict], list[asyncio.Task[int | None]]]:
        """The verdicts by the instances' names, and the tasks that start those that have to be started."""
        judge = self._judge(self._services.locks.wanted_exclusively(Kind.INSTANCE))
        judged = await self._services.turns.take(_judged(judge, [i for i in instances if i.uuid not in self._starting]))
        started = []
        for instance, verdict in judged:
            self._tell(instance, verdict)
            if verdict.action is Action.WAIT:
                self._look_soon(instance.uuid, verdict.seconds)
            elif verdict.action is Action.NOTE:
                self._note(instance)
            elif verdict.action is Action.START and instance.uuid not in self._starting:
                self._starting.add(instance.uuid)
                started.append(self._background.spawn(self._restart(instance)))
        return {instance.name: verdict for instance, verdict in judged}, started

    def _judge(self, busy: frozenset[str]) -> Judge:
        return Judge(self._state, self._services.live, busy, self._services.clock.now())

    def _tell(self, instance: Instance, verdict: Verdict) -> None:
        """Log each reason once, unless it is temporary."""
        passes = verdict.action is Action.WAIT and verdict.why != GIVEN_UP
        if passes or not verdict.why:
            self._told.pop(instance.uuid, None)
        elif self._told.get(instance.uuid) != verdict.why:
            self._told[instance.uuid] = verdict.why
            level = logging.WARNING if verdict.why == GIVEN_UP else logging.INFO
            _log.log(level, "Instance %s does not run and is not started: %s", instance.name, verdict.why)

    async def _restart(self, instance: Instance) -> int | None:
        """The number of the job that has started it, or has tried to."""
        operation = InstanceStartup(
            instance_name=instance.name, instance_uuid=instance.uuid, no_remember=True, by_watcher=True
        )
        again = _LOOK
        try:
            await self._jobs.ensure_accepted(operation, _WHY)
            again = _AGAIN
            if not await self._counted(instance):
                return None
            again = 0.0
            _log.warning("Instance %s should run and does not; it is started", instance.name)
            return (await self._jobs.done(operation, _WHY)).id
        except GanetiError as error:
            _log.warning("Instance %s could not be started: %s", instance.name, error.message)
            return None
        finally:
            self._starting.discard(instance.uuid)
            self._look_soon(instance.uuid, again)

    async def _counted(self, instance: Instance) -> bool:
        """Record the restart before it happens; whether it is still needed."""
        async with self._services.locks.holding(_OWNER, exclusive(Kind.INSTANCE, instance.name)):
            current = self._state.entities[Kind.INSTANCE].get(instance.uuid)
            if (
                not isinstance(current, Instance)
                or self._judge(frozenset()).verdict(current).action is not Action.START
            ):
                return False
            now = self._services.clock.now()
            await self._services.configuration.commit([evolve(current, restarts=(*recent(current.restarts, now), now))])
            return True

    # What else a round does.

    async def _run_scripts(self) -> None:
        """Run the administrator's scripts on all nodes."""
        cluster = {"GANETI_CLUSTER": self._state.cluster.name, "GANETI_MASTER": self._state.master.name}
        call = RunWatcherScripts(environment=cluster)
        for name, results in (await self._services.nodes.call_all(self._state.online_nodes, call)).items():
            if isinstance(results, GanetiError):
                _log.info("The watcher's scripts could not be run on %s: %s", name, results.message)
                continue
            for result in results:
                if result.status == "fail":
                    _log.warning("%s failed on %s: %s", result.script, name, result.output.strip())

    async def _archive(self, age: float) -> None:
        over = finished_before(self._executor.queue, self._services.clock.now() - age)
        if over and (done := await self._executor.queue.archive(over)):
            _log.info("%d jobs were archived", len(done))

    async def _show_status(self) -> None:
        statuses = await self._services.turns.take(self._statuses())
        try:
            await asyncio.to_thread(self._files.show_status, statuses)
        except OSError as error:
            _log.warning("The instances' status cannot be shown to scripts: %s", error)

    def _statuses(self) -> Generator[None, None, dict[str, dict[str, str]]]:
        """By the UUIDs of groups, the statuses of their instances by name."""
        live, state = self._services.live, self._state
        guests = {node.uuid: live.guests_on(node.uuid) for node in state.hosting_nodes}
        view = View(state, guests, {uuid: live.unknown_on(uuid) for uuid in guests})
        found: dict[str, dict[str, str]] = {group.uuid: {} for group in state.groups}
        for instance in state.instances:
            found[state.get(Node, instance.primary_node).group][instance.name] = view.status(instance)
            yield
        return found


def _judged(judge: Judge, instances: Sequence[Instance]) -> Generator[None, None, list[tuple[Instance, Verdict]]]:
    """The instances for which something is to be logged or done."""
    found = []
    for instance in instances:
        found.append((instance, judge.verdict(instance)))
        yield
    return found
