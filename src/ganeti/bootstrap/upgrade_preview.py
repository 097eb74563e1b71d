# SPDX-License-Identifier: BSD-2-Clause
"""What ``gnt-cluster upgrade`` would do on which node, told instead of done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ganeti.bootstrap.upgrade import JOBS, RESTART, Found, Intent, Stage, Upgrade, named_jobs, unfinished
from ganeti.errors import GanetiError
from ganeti.host.daemons import MASTER_DAEMONS
from ganeti.host.versions import Versions
from ganeti.jobs.preview import Preview


def foreseen(upgrade: Upgrade, target: str | None) -> Preview:
    """Of going over to ``target``, or of what is left of an upgrade. Raises what the upgrade itself would."""
    if target:
        intent, found = upgrade.planned(target)
    elif left := upgrade.intent:
        intent, found = left, upgrade.look(left.target, left.machines)
    else:
        return Preview(("change nothing: no upgrade is under way",))
    stages = list(Stage)
    left_over = stages[stages.index(intent.stage) :]
    changes = [change for stage in left_over for change in _changes(upgrade, stage, intent, found)]
    return Preview(tuple(changes), _takes(left_over), tuple(_risks(left_over, intent, found)))


def _changes(upgrade: Upgrade, stage: Stage, intent: Intent, found: Found) -> Iterator[str]:
    ours = " and ".join(MASTER_DAEMONS)
    match stage:
        case Stage.DRAINING:
            jobs = unfinished(upgrade.master())
            yield f"drain the job queue, and wait for {named_jobs(jobs) if jobs else 'jobs (none runs now)'}"
        case Stage.STOPPING:
            yield f"stop {ours} on this node; instances run on"
        case Stage.KEEPING:
            yield f"keep the cluster's state, in format {found.form}, in {upgrade.paths.kept_store(intent.origin)}"
            if found.reads < found.form:
                yield f"convert the state to format {found.reads}, which {intent.target} reads; nothing of it is lost"
        case Stage.SWITCHING:
            yield from (_switching(machine.name, intent.target, found) for machine in intent.machines)
            own = [version.version for version in Versions(upgrade.paths).installed()]
            yield (
                f"switch this node to {intent.target} (in use: {upgrade.current()}; installed: {', '.join(own)}), and "
                f"restart {', '.join(intent.daemons)}"
            )
        case Stage.STARTING:
            converted = f", which convert the state to format {found.reads}" if found.reads > found.form else ""
            yield f"start {ours} of {intent.target}{converted}"
        case Stage.OPENING:
            yield "leave the job queue drained, as it was before" if intent.drained else "accept jobs again"
            if not intent.drained:
                yield "run 'gnt-cluster verify'"


def _switching(name: str, target: str, found: Found) -> str:
    answer = found.answers[name]
    if isinstance(answer, GanetiError):
        return f"switch {name} to {target} if it answers by then"
    has = f"runs {answer.running}; installed: {', '.join(answer.installed)}"
    return f"switch {name} to {target} ({has}), and have its daemons restart"


def _takes(stages: Sequence[Stage]) -> str:
    without = "seconds without master daemon, remote API and watcher"
    jobs = f"at most {JOBS / 60:.0f} minutes for jobs to end, then " if Stage.DRAINING in stages else ""
    return f"{jobs}{without}, or up to {RESTART:.0f} if a node has to be waited for"


def _risks(stages: Sequence[Stage], intent: Intent, found: Found) -> Iterator[str]:
    again = f"run 'gnt-cluster upgrade --to {intent.target}' again when it is back"
    if Stage.DRAINING in stages:
        yield "if jobs do not end in time, the queue is opened again and nothing is changed"
    if Stage.SWITCHING in stages:
        for name, answer in found.answers.items():
            if isinstance(answer, GanetiError):
                yield f"{name} does not answer ({answer.message}) and may keep its version; {again}"
        for name in found.away:
            yield f"{name} is marked offline and keeps its version; {again}"
        yield "a node that does not come back with the new version is named, and holds up no other"
    if Stage.STARTING in stages:
        yield (
            f"if the master daemon of {intent.target} does not start, there is none until 'gnt-cluster upgrade "
            f"--resume', or 'gnt-cluster upgrade --to {intent.origin}', which goes back"
        )
