# SPDX-License-Identifier: BSD-2-Clause
"""Switching to another version of the software on all nodes (``gnt-cluster upgrade``).

The master daemon is stopped meanwhile, so a command does it on the master. The progress is written to a file before
each stage begins; each stage can be repeated. The file is written by one version and read by another.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import msgspec
from msgspec import Struct

import ganeti
from ganeti.config.configuration import read_state
from ganeti.config.going_back import go_back, in_the_way
from ganeti.config.sqlite import SqliteStore, copy_store
from ganeti.config.store import FORMAT
from ganeti.declare.field import plain_rows
from ganeti.errors import EnvironmentUnfit, GanetiError, MasterUnreachable, WrongState
from ganeti.host.daemons import BESIDE_NODE, MASTER_DAEMONS, ON_DEMAND, Daemon
from ganeti.host.files import sync, write_atomic
from ganeti.host.paths import Paths
from ganeti.host.services import Services
from ganeti.host.versions import Versions
from ganeti.luxi.protocol import Method
from ganeti.model.job import JobStatus
from ganeti.model.node import Node
from ganeti.rpc.client import NodeClient
from ganeti.rpc.contract.node import Ping
from ganeti.rpc.contract.software import Software, SwitchVersion, TellVersions
from ganeti.rpc.contract.store import ReplaceStore

JOBS = 3600.0  # seconds for jobs to end, after which the upgrade is cancelled
_SERVING = 300.0  # for the master daemon to answer, once it has started
RESTART = 120.0  # for the node daemon of another node to come back
_LOOK = 1.0
_TOLD = 60.0  # seconds between messages that say what is being waited for
_MOST_NAMED = 10

# What to run next, as arguments of a command of the version in use.
RESUME = ("gnt-cluster", "upgrade", "--resume")
VERIFY = ("gnt-cluster", "verify")


class Stage(StrEnum):
    """In their order."""

    DRAINING = "draining"
    STOPPING = "stopping"
    KEEPING = "keeping"
    SWITCHING = "switching"
    STARTING = "starting"
    OPENING = "opening"


class Machine(Struct, frozen=True):
    """Another node to be switched, with the data needed to call it."""

    name: str
    address: str
    certificates: tuple[str, ...] = ()

    @property
    def node(self) -> Node:
        certificate, following = (*self.certificates, "", "")[:2]
        return Node(
            uuid="",
            group="",
            name=self.name,
            primary_ip=self.address,
            certificate=certificate,
            next_certificate=following,
        )


class Intent(Struct, frozen=True, rename={"origin": "from", "target": "to"}):
    """An upgrade that is under way.

    ``drained``: whether the queue was drained before it began; ``daemons``: of the daemons that every node has, those
    that were running on this one.
    """

    origin: str
    target: str
    stage: Stage
    drained: bool
    daemons: tuple[Daemon, ...]
    machines: tuple[Machine, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """What there is before anything is changed.

    ``answers``: of the nodes to be switched. ``away``: the names of those marked offline. ``form``: the format of the
    cluster's state; ``reads``: the newest that the version to go over to can read.
    """

    answers: Mapping[str, Software | GanetiError]
    away: tuple[str, ...]
    form: int
    reads: int


class Master(Protocol):
    """A connection to the master daemon."""

    def call(self, method: Method, *arguments: Any) -> Any: ...


@dataclass(frozen=True, slots=True)
class Upgrade:
    """``calling``: calls nodes as the master. ``master``: opens a new connection to the master daemon each time."""

    paths: Paths
    services: Services
    calling: Callable[[], AbstractAsyncContextManager[NodeClient]]
    master: Callable[[], Master]
    say: Callable[[str], None]
    warn: Callable[[str], None]

    @property
    def intent(self) -> Intent | None:
        """Raises EnvironmentUnfit if the file is damaged."""
        try:
            return msgspec.json.decode(self.paths.upgrade.read_bytes(), type=Intent)
        except FileNotFoundError:
            return None
        except msgspec.MsgspecError as error:
            raise EnvironmentUnfit(f"{self.paths.upgrade} is damaged ({error}); what is under way is unknown") from None

    def begin(self, target: str) -> None:
        """Record that the cluster is to switch to a version, if it can. Raises a CheckFailed."""
        intent, found = self.planned(target)
        for problem in _silent(found.answers):  # only where it may be the reason for going back
            self.warn(f"{problem}. It keeps the version that it has")
        self._write(intent)

    def planned(self, target: str) -> tuple[Intent, Found]:
        """Raises a CheckFailed that names everything that is in the way."""
        before = self.intent
        if before and target != before.origin:
            raise WrongState(
                f"The upgrade to {before.target} is not complete; finish it with 'gnt-cluster upgrade --resume', "
                f"or go back with 'gnt-cluster upgrade --to {before.origin}'"
            )
        current = self.current()
        others = self._others()
        machines = before.machines if before else tuple(_machine(node) for node in others if not node.offline)
        found = self.look(target, machines, others)
        problems = [*self._problems_here(target, found), *_problems_there(target, found.answers)]
        if not before:
            problems += [f"{problem}; mark it offline if it is down" for problem in _silent(found.answers)]
        if problems:
            raise WrongState("\n".join([f"The cluster cannot go over to {target}; nothing was changed.", *problems]))
        if before:  # the original state counts, not the present one
            stage = Stage.DRAINING if self.services.running(Daemon.MASTER) else Stage.STOPPING
            return msgspec.structs.replace(before, origin=before.target, target=target, stage=stage), found
        running = {answer.running for answer in found.answers.values() if isinstance(answer, Software)}
        if current == target and running <= {target}:
            raise WrongState(f"All nodes run {target} already")
        daemons = (Daemon.NODE, *filter(self.services.running, (*BESIDE_NODE, *ON_DEMAND)))
        return Intent(current, target, Stage.DRAINING, self._drained(), daemons, machines), found

    def current(self) -> str:
        """The version in use here. Raises EnvironmentUnfit if versions are not installed side by side."""
        versions = Versions(self.paths)
        current = versions.current()
        if current is None:
            raise EnvironmentUnfit(
                f"The software in {versions.directory} is not kept by versions; run './run install' on every node"
            )
        return current

    def look(self, target: str, machines: Sequence[Machine], others: Sequence[Node] | None = None) -> Found:
        """Look at the nodes and at the state. ``others``: all nodes but this one, if they are known."""
        others = self._others() if others is None else others
        version = Versions(self.paths).find(target)
        return Found(
            asyncio.run(self._ask(machines)),
            tuple(node.name for node in others if node.offline),
            self._format(),
            version.format if version else 0,
        )

    def go_on(self) -> tuple[str, ...]:
        """Do what is left; returns the command to run next, as arguments, or nothing."""
        intent = self.intent
        if intent is None:
            self.say("No upgrade is under way")
            return ()
        stages = list(Stage)
        for stage in stages[stages.index(intent.stage) :]:
            intent = msgspec.structs.replace(intent, stage=stage)
            self._write(intent)
            if stage is Stage.STARTING and intent.target != ganeti.VERSION:
                return RESUME  # by the version to which the cluster has switched
            try:
                self._do(stage, intent)
            except GanetiError as error:
                if stage is Stage.DRAINING:
                    raise
                how = f"'gnt-cluster upgrade --resume', or go back with 'gnt-cluster upgrade --to {intent.origin}'"
                raise type(error)(f"{error.message}; put that right, then run {how}") from None
        self.paths.upgrade.unlink()
        sync(self.paths.state)
        self.say(f"The cluster runs {intent.target}")
        if intent.drained:
            self.say("The job queue stays drained, as it was before; run 'gnt-cluster verify' when it is not")
            return ()
        return VERIFY

    def _write(self, intent: Intent) -> None:
        write_atomic(self.paths.upgrade, msgspec.json.encode(intent))

    # --- before anything is changed

    def _others(self) -> list[Node]:
        store = SqliteStore(self.paths.store)
        try:
            state = read_state(store)
        finally:
            store.close()
        return [node for node in state.nodes if node.uuid != state.master.uuid]

    def _format(self) -> int:
        store = SqliteStore(self.paths.store)
        try:
            return store.position().format
        finally:
            store.close()

    async def _ask(self, machines: Iterable[Machine]) -> Mapping[str, Software | GanetiError]:
        async with self.calling() as client:
            return await client.call_all([machine.node for machine in machines], TellVersions())

    def _problems_here(self, target: str, found: Found) -> Iterable[str]:
        if not found.reads:
            yield _lacking("This node", target, [version.version for version in Versions(self.paths).installed()])
        elif found.form > FORMAT:
            yield (
                f"The cluster's state has format {found.form}, which this command does not know; run that of the "
                f"version that has written it, {self.paths.software}/VERSION/bin/gnt-cluster"
            )
        elif found.reads < found.form:
            store = SqliteStore(self.paths.store)
            try:
                yield from in_the_way(store, found.reads)
            finally:
                store.close()

    def _drained(self) -> bool:
        (drained,) = self.master().call(Method.QUERY_CONFIG_VALUES, ["drain_flag"])
        return bool(drained)

    # --- the stages

    def _do(self, stage: Stage, intent: Intent) -> None:
        match stage:
            case Stage.DRAINING:
                self._drain(intent)
            case Stage.STOPPING:
                self.say("Stopping the master daemon and the remote API; instances run on ...")
                for daemon in reversed(MASTER_DAEMONS):
                    self.services.stop(daemon)
            case Stage.KEEPING:
                kept = self.paths.kept_store(intent.origin)
                copy_store(self.paths.store, kept)
                self.say(f"The cluster's state as it is now is kept in {kept}")
                asyncio.run(self._go_back(intent))
            case Stage.SWITCHING:
                asyncio.run(self._switch_others(intent))
                self._switch_here(intent)
            case Stage.STARTING:
                self.say(f"Starting the master daemon of {intent.target} ...")
                for daemon in MASTER_DAEMONS:
                    self.services.start(daemon)
            case Stage.OPENING:
                self._open(intent)

    def _drain(self, intent: Intent) -> None:
        """Drain the queue, and wait for the present jobs."""
        master = self.master()
        master.call(Method.SET_DRAIN_FLAG, True)
        deadline, told = time.monotonic() + JOBS, 0.0
        try:
            while jobs := unfinished(master):
                now = time.monotonic()
                if now > deadline:
                    raise WrongState(
                        f"{named_jobs(jobs)} did not end within {JOBS / 60:.0f} minutes; cancel what should not go on "
                        "('gnt-job cancel'), then try again. Nothing was changed"
                    )
                if now > told:
                    self.say(f"Waiting for {named_jobs(jobs)} ...")
                    told = now + _TOLD
                time.sleep(_LOOK)
        except (KeyboardInterrupt, WrongState):
            # Nobody is waiting for the answer on the other connection any more.
            self.master().call(Method.SET_DRAIN_FLAG, intent.drained)
            if Versions(self.paths).current() == intent.origin:  # nothing else on any node
                self.paths.upgrade.unlink()
            raise

    async def _go_back(self, intent: Intent) -> None:
        """Where the version to go over to is one that knows older formats only: convert the state, and its replicas.

        A node that has no replica that its version can read could not become the master.
        """
        version = Versions(self.paths).find(intent.target)
        store = SqliteStore(self.paths.store)
        try:
            if not version or not await go_back(store, version.format):
                return
            self.say(f"It is in format {version.format} now, which {intent.target} reads; nothing of it is lost")
            candidates = {node.name for node in read_state(store).candidates}
            position = store.position()
            everything = ReplaceStore(format=position.format, revision=position.revision, records=store.all())
        finally:
            store.close()
        async with self.calling() as client:
            told = [machine.node for machine in intent.machines if machine.name in candidates]
            for name, answer in (await client.call_all(told, everything)).items():
                if isinstance(answer, GanetiError):
                    self.warn(f"The replica on {name} stays as it is until the master reaches it: {answer.message}")

    async def _switch_others(self, intent: Intent) -> None:
        """All concurrently. A failure must not hold up the others: it is reported, here and by the verification."""
        names = ", ".join(machine.name for machine in intent.machines)
        if names:
            self.say(f"Switching {names} to {intent.target} ...")
        async with self.calling() as client:
            machines = intent.machines
            ends = await asyncio.gather(*(_switched(client, machine.node, intent.target) for machine in machines))
        failed = {machine.name: why for machine, why in zip(machines, ends, strict=True) if why}
        for name, why in failed.items():
            self.warn(f"{name} did not go over to {intent.target}: {why}")
        if failed:
            self.warn(f"When they work again, 'gnt-cluster upgrade --to {intent.target}' brings them over")

    def _switch_here(self, intent: Intent) -> None:
        self.say(f"Switching this node to {intent.target} ...")
        Versions(self.paths).switch(intent.target)
        for daemon in reversed(intent.daemons):
            self.services.stop(daemon)
        for daemon in intent.daemons:
            self.services.start(daemon)

    def _open(self, intent: Intent) -> None:
        """Set the queue's drain flag back as soon as the master daemon serves, for which nodes may have to let it."""
        deadline = time.monotonic() + _SERVING
        while True:
            try:
                self.master().call(Method.SET_DRAIN_FLAG, intent.drained)
            except MasterUnreachable:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_LOOK)
            else:
                return


def _machine(node: Node) -> Machine:
    return Machine(node.name, node.primary_ip, node.certificates)


def _silent(answers: Mapping[str, Software | GanetiError]) -> list[str]:
    return [f"{name} does not answer: {a.message}" for name, a in answers.items() if isinstance(a, GanetiError)]


def _problems_there(target: str, answers: Mapping[str, Software | GanetiError]) -> Iterable[str]:
    for name, answer in answers.items():
        if isinstance(answer, Software) and target not in answer.installed:
            yield _lacking(name, target, answer.installed)


def _lacking(who: str, target: str, installed: Sequence[str]) -> str:
    return f"{who} does not have {target} (installed: {', '.join(installed) or 'none'}); run its './run install' there"


def unfinished(master: Master) -> list[int]:
    """The numbers of jobs that wait or run."""
    ended: list[Any] = ["|", *(["=", "status", status] for status in JobStatus if status.final)]
    return [row[0] for row in plain_rows(master.call(Method.QUERY, "job", ["id"], ["!", ended])["data"])]


def named_jobs(jobs: Sequence[int]) -> str:
    some = ", ".join(map(str, jobs[:_MOST_NAMED]))
    more = f" and {len(jobs) - _MOST_NAMED} more" if len(jobs) > _MOST_NAMED else ""
    return f"{'job' if len(jobs) == 1 else 'jobs'} {some}{more}"


async def _switched(client: NodeClient, node: Node, version: str) -> str:
    """Why a node did not switch to a version; empty if it did."""
    deadline = time.monotonic() + RESTART
    try:
        await client.call(node, SwitchVersion(version=version))
        while (running := await _running(client, node)) != version:
            if time.monotonic() > deadline:
                found = f"runs {running} still" if running else "does not answer"
                return f"its node daemon {found} after {RESTART:.0f} seconds"
            await asyncio.sleep(_LOOK)
    except GanetiError as error:
        return error.message
    return ""


async def _running(client: NodeClient, node: Node) -> str | None:
    """The version of its node daemon; None if it does not answer."""
    try:
        return (await client.call(node, Ping())).version
    except GanetiError:
        return None
