# SPDX-License-Identifier: BSD-2-Clause
"""The demonstration: sets up the lab, runs the steps one after the other, and reports."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ganeti.errors import GanetiError, UnknownEntity, WrongState
from ganeti.lab import guest, steps
from ganeti.lab.lab import Lab, find_plan
from ganeti.lab.steps import RAPI_USER, Stage, Step
from ganeti.lab.vm import steps as virtual_steps
from ganeti.lab.vm.lab import VirtualLab

NAME = "demo"


@dataclass(frozen=True, slots=True)
class Outcome:
    step: str
    seconds: float
    result: str
    proven: bool


def run(*, once: bool, suite: str | None = None) -> int:
    """Show everything; the exit status is 0 only if every step was proven.

    Nodes are virtual machines that run a release of Debian, ``suite``, or else namespaces.

    The lab stays up afterwards, whatever the outcome, unless ``once``. Raises WrongState if it is already up.
    """
    terminal = Console(highlight=False)
    if is_up():
        raise WrongState("The demo's lab is up; './run shell node1' goes there, './run demo down' removes it")
    began = time.monotonic()
    lab = _up(suite)
    try:
        stage = Stage(lab)
        outcomes = perform(stage, virtual_steps.STEPS if suite else steps.STEPS, terminal, began)
        terminal.print(table(outcomes))
        proven = all(outcome.proven for outcome in outcomes)
        if not once:
            terminal.print(how_to_go_on(stage, proven=proven), soft_wrap=True)
        return 0 if proven else 1
    finally:
        if once:
            lab.down()


def _up(suite: str | None) -> Lab | VirtualLab:
    provider = guest.build(guest.CACHE).directory
    if suite:
        return VirtualLab.up(NAME, reachable=True, provider=provider, suite=suite)
    return Lab.up(NAME, reachable=True, provider=provider)


def is_up() -> bool:
    try:
        find_plan(NAME)
    except UnknownEntity:
        return False
    return True


def perform(stage: Stage, steps: Iterable[Step], terminal: Console, began: float) -> list[Outcome]:
    """Run steps one after the other, until one is not proven."""
    outcomes: list[Outcome] = []
    for step in steps:
        with terminal.status(step.name):
            outcome = attempt(step, stage, began)
        outcomes.append(outcome)
        terminal.print(f"{_mark(outcome)} {step.name}: {escape(outcome.result)}", soft_wrap=True)
        if not outcome.proven:
            break
        began = time.monotonic()
    return outcomes


def attempt(step: Step, stage: Stage, began: float) -> Outcome:
    try:
        result, proven = step.prove(stage), True
    except (GanetiError, OSError) as error:  # the latter: a node or its remote API can't be reached
        result, proven = str(error), False
    return Outcome(step.name, time.monotonic() - began, result, proven)


def table(outcomes: Iterable[Outcome]) -> Table:
    shown = Table("Step", "Time", "Result", title="What was done and proven", title_justify="left")
    for outcome in outcomes:
        shown.add_row(
            outcome.step, f"{outcome.seconds:.1f} s", escape(outcome.result) if outcome.proven else "[red]not proven[/]"
        )
    return shown


def how_to_go_on(stage: Stage, *, proven: bool) -> str:
    lines = [
        "[bold]The cluster is up.[/]" if proven else "[bold]The lab is still up, to see what is wrong.[/]",
        "  ./run shell node1     a shell on a node; try gnt-instance list, gnt-cluster info",
        f"  curl -k -u {RAPI_USER}:{stage.password} {stage.api}/2/info   the remote API",
        "  ./run power-off node3 cuts its power; power-on switches it on again",
        "  ./run demo down       removes every trace",
    ]
    return "\n".join(lines)


def _mark(outcome: Outcome) -> str:
    return "[green]✓[/]" if outcome.proven else "[red]✗[/]"
