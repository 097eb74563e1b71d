# SPDX-License-Identifier: BSD-2-Clause
"""``gnt-cluster epo``: emergency power-off of nodes, and back (gnt-cluster(8))."""

from __future__ import annotations

import time
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from ganeti.cli import follow
from ganeti.cli.names import exact_names
from ganeti.cli.node_power import OOB_TIMEOUT, POWER_DELAY, invoked, table
from ganeti.cli.options import FORCE, PREVIEW
from ganeti.cli.runnable import Local
from ganeti.cli.session import Session
from ganeti.cli.watcher import paused_until
from ganeti.declare.command import Argument, Command, Option
from ganeti.errors import EXIT_CONFIRMATION, EXIT_FAILURE, UnknownEntity, WrongInput, WrongState
from ganeti.host import addresses
from ganeti.jobs.preview import Preview
from ganeti.luxi.protocol import Method

# Seconds for nodes to boot.
BOOT = 900.0
# Seconds between two checks whether they have.
_AGAIN = 5.0
# Seconds for which the watcher is paused: while a part of the cluster goes down, and until all of it is back.
PAUSE = 3600.0
LONG_PAUSE = 31536000.0

_FOR_NOW = True  # the pause that there was before comes back
_FIELDS = ["name", "group", "role", "pip", "offline", "powered", "ndp/oob_program"]


@dataclass(frozen=True, slots=True)
class _Node:
    name: str
    group: str
    role: str
    address: str
    offline: bool
    powered: bool
    program: str

    @property
    def is_master(self) -> bool:
        return self.role == "M"


def _epo(session: Session, values: dict[str, Any]) -> int:
    nodes = _meant(session, values)
    if values.get("on"):
        return _Epo(session, nodes).on()
    if not values.get("show_all") and (master := [node.name for node in nodes if node.is_master]):
        raise WrongState(
            f"{master[0]} is the master, which does not switch itself off; make a node the master that stays on "
            "('gnt-cluster master-failover' there), or use --all"
        )
    return _Epo(session, nodes).off()


def _meant(session: Session, values: dict[str, Any]) -> list[_Node]:
    """The nodes of a command line. Raises WrongInput or UnknownEntity."""
    names, everything, groups = values["names"], values.get("show_all"), values.get("groups")
    if everything and (names or groups):
        raise WrongInput("--all stands for the whole cluster; give it without names and without --groups")
    if not everything and not names:
        raise WrongInput("Which nodes? Give their names, those of node groups with --groups, or --all")
    wanted = set(exact_names(session, "group" if groups else "node", names))
    nodes = [_Node(*row) for row in session.query("node", _FIELDS)]
    meant = [node for node in nodes if everything or (node.group if groups else node.name) in wanted]
    if not meant:
        raise UnknownEntity(f"There are no such nodes: {', '.join(names)}")
    return meant


class _Epo:
    """One run; ``whole``: the whole cluster is powered off or on, not a part of it."""

    def __init__(self, session: Session, nodes: Sequence[_Node]) -> None:
        self._session = session
        self._values = session.values
        self._whole = bool(session.values.get("show_all"))
        self._nodes = nodes
        self._others = [node for node in nodes if not node.is_master]

    def off(self) -> int:
        running = self._instances(self._online(), running=True)
        if self._values.get("dry_run"):
            return self._preview_off(running)
        names = ", ".join(node.name for node in self._others) or "no node"
        told = f" These instances are stopped: {', '.join(running)}." if running else ""
        if not self._values.get("force") and not self._session.confirm(f"Switch off {names}?{told}"):
            return EXIT_CONFIRMATION
        with ExitStack() as meanwhile:
            self._pause_watcher(meanwhile)
            patience = self._values["shutdown_timeout"]
            stopped = self._each(
                "OP_INSTANCE_SHUTDOWN",
                [(name, {"instance_name": name, "no_remember": True, "timeout": patience}) for name in running],
            )
            if not stopped and not self._values.get("force"):
                question = "Not all instances could be stopped. Switch the nodes off anyway?"
                if not self._session.confirm(question):
                    return EXIT_CONFIRMATION
            marked = self._mark_offline()
            if self._whole:
                meanwhile.pop_all()  # until everything is on again
        failed = self._switch("power-off", self._others)
        self._tell_what_is_left()
        return 0 if stopped and marked and not failed else EXIT_FAILURE

    def _preview_off(self, running: Sequence[str]) -> int:
        patience = self._values["shutdown_timeout"]
        pause = "until all is switched on again" if self._whole else "meanwhile"
        changes = (
            f"pause the watcher {pause}",
            *(f"shut {name} down, within {patience} seconds" for name in running),
            *(f"mark {node.name} offline" for node in self._others if not node.offline),
            *(_switching("switch off", node) for node in self._others),
        )
        risks = (
            "if an instance does not shut down in time, it is asked whether the nodes are switched off anyway",
            "a node whose program fails keeps its power, marked offline",
            *(f"{node.name} is the master, and stays on" for node in self._nodes if node.is_master),
        )
        self._session.tell(Preview(changes, risks=risks))
        return 0

    def _preview_on(self) -> int:
        away = [node for node in self._others if node.offline]
        dark = [node for node in self._others if node.offline or not node.powered]
        stopped = self._instances({node.name for node in self._nodes}, running=False)
        changes = (
            *(_switching("switch on", node) for node in dark),
            *(f"mark {node.name} online, when it answers" for node in away),
            *(f"start {name}" for name in stopped),
            *(("end the pause of the watcher that 'epo --all' has set",) if self._whole else ()),
        )
        risks = ("a node that does not answer in time stays marked offline, and its instances stay down",)
        limit = f"up to {BOOT / 60:.0f} minutes until the nodes answer" if away else ""
        self._session.tell(Preview(changes or ("change nothing",), limit, risks if away else ()))
        return 0

    def on(self) -> int:
        if self._values.get("dry_run"):
            return self._preview_on()
        failed = self._switch("power-on", [node for node in self._others if node.offline or not node.powered])
        away = [node for node in self._others if node.offline]
        back = self._awaited([node for node in away if node.name not in failed])
        nodes = [(node.name, {"node_name": node.name, "offline": False}) for node in back]
        online = self._each("OP_NODE_SET_PARAMS", nodes)
        instances = [(name, {"instance_name": name}) for name in self._instances(self._online(), running=False)]
        started = self._each("OP_INSTANCE_STARTUP", instances)
        if self._whole:
            self._end_pause()
        return 0 if online and started and not failed and len(back) == len(away) else EXIT_FAILURE

    def _online(self) -> set[str]:
        """The names of those of the nodes that are online by now."""
        nodes = dict(self._session.query("node", ["name", "offline"]))
        return {node.name for node in self._nodes if not nodes[node.name]}

    def _instances(self, here: AbstractSet[str], *, running: bool) -> list[str]:
        """Names of the instances on these nodes: of those that run, or of those that should run and do not.

        An instance that only has its secondary here is not among them: it keeps running.
        """
        rows = self._session.query("instance", ["name", "pnode", "admin_up", "oper_state"])
        found = [row for row in rows if row[1] in here]
        return [name for name, _, wanted, runs in found if (runs if running else wanted and not runs)]

    def _each(self, wire_name: str, each: Sequence[tuple[str, dict[str, Any]]]) -> bool:
        """Submit a job for each (name, parameters) and follow them; whether all succeeded."""
        return follow.follow_each(self._session, follow.submit_each(self._session, wire_name, each))

    def _mark_offline(self) -> bool:
        """Candidates last, so that no node is promoted that will be powered off too."""
        wanted = [node for node in self._others if not node.offline]
        ordered = sorted(wanted, key=lambda node: node.role == "C")
        how = {"force": True} if self._whole else {"auto_promote": True}
        marked = True
        for node in ordered:
            offline = {"node_name": node.name, "offline": True, **how}
            marked &= self._each("OP_NODE_SET_PARAMS", [(node.name, offline)])
        return marked

    def _switch(self, command: str, nodes: Sequence[_Node]) -> list[str]:
        """The names of those for which it failed; reports nodes that cannot be switched."""
        able = [node.name for node in nodes if node.program]
        by_hand = [node.name for node in nodes if not node.program]
        if by_hand:
            what = "on" if command == "power-on" else "off"
            self._session.warn(f"No out-of-band program is set for {', '.join(by_hand)}; switch {what} by hand")
        if not able:
            return []
        asked = {
            "command": command,
            "node_names": able,
            "timeout": self._values["oob_timeout"],
            "power_delay": self._values["power_delay"],
            "ignore_status": True,
        }
        results = follow.run(self._session, "OP_OOB_COMMAND", asked)
        assert results is not None  # noqa: S101 - it takes no --submit
        return table(self._session, results[0], invoked)

    def _awaited(self, nodes: Sequence[_Node]) -> list[_Node]:
        """The nodes whose daemons can be reached in time."""
        from ganeti.rpc.client import NODE_DAEMON_PORT  # noqa: PLC0415 - slow to import

        silent, deadline = list(nodes), time.monotonic() + BOOT
        if silent:
            names = ", ".join(node.name for node in silent)
            self._session.say(f"Waiting for {names}, {BOOT / 60:.0f} minutes at the most")
        while silent:
            silent = [node for node in silent if not addresses.answers(node.address, NODE_DAEMON_PORT)]
            if not silent or time.monotonic() >= deadline:
                break
            time.sleep(_AGAIN)
        for node in silent:
            self._session.warn(f"{node.name} does not answer; run 'gnt-cluster epo --on {node.name}' when it does")
        return [node for node in nodes if node not in silent]

    def _pause_watcher(self, meanwhile: ExitStack) -> None:
        """Pause the watcher during ``meanwhile``, so that it does not restart stopped instances."""
        until = time.time() + (LONG_PAUSE if self._whole else PAUSE)
        self._session.client.call(Method.SET_WATCHER_PAUSE, until, _FOR_NOW)
        # Only this one: another power-off may have begun meanwhile.
        meanwhile.callback(self._session.client.call, Method.SET_WATCHER_PAUSE, None, _FOR_NOW, until)

    def _end_pause(self) -> None:
        """One that the administrator has set goes on."""
        until = self._session.client.call(Method.SET_WATCHER_PAUSE, None, _FOR_NOW)
        if until is not None:
            self._session.say(paused_until(until))

    def _tell_what_is_left(self) -> None:
        if not self._whole:
            return
        for node in self._nodes:
            if node.is_master:
                self._session.say(f"{node.name} is the master, and still on: shut it down by hand.")
        self._session.say("The watcher is paused until 'gnt-cluster epo --on --all'.")


def _switching(what: str, node: _Node) -> str:
    return f"{what} {node.name} by {node.program}" if node.program else f"ask for {node.name} to be switched by hand"


EPO = Local(
    Command(
        "gnt-cluster",
        "epo",
        (Argument("names", "Names of the nodes, or of node groups with --groups", "*", completes="node"),),
        (
            FORCE,
            Option(("--on",), "Switch on again what an emergency power-off has switched off", kind="flag"),
            Option(("--groups",), "Arguments are node groups", kind="flag"),
            Option(("--all",), "The whole cluster; the master is left on", kind="flag", name="show_all"),
            OOB_TIMEOUT,
            Option(("--shutdown-timeout",), "Seconds that each instance gets to shut down", kind="int", default=120),
            POWER_DELAY,
            PREVIEW,
        ),
        usage="[--on] {--all | [--groups] <name>...}",
    ),
    "Emergency power-off: stop the instances of nodes, mark the nodes offline and switch them off. With --on, switch "
    "them on, wait until they answer, and start the instances that ran.",
    _epo,
)
