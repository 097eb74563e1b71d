# SPDX-License-Identifier: BSD-2-Clause
"""Carries out checks: asks the nodes once for what all checks need, then passes each the answers.

Whatever a node answers, and whatever happens to one check, the others continue.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ganeti.errors import ExecutionFailed, GanetiError
from ganeti.jobs.context import RunContext
from ganeti.model.node import Node
from ganeti.operations.cluster.verify.check import Check
from ganeti.operations.cluster.verify.findings import Finding
from ganeti.operations.cluster.verify.parameters import Verifying
from ganeti.operations.cluster.verify.scene import Answers, Question, Scene
from ganeti.rpc.call import Call, Progress

_log = logging.getLogger(__name__)


async def report(cluster: RunContext, scene: Scene, checks: Sequence[Check], operation: Verifying[Any]) -> bool:
    """Run the checks and report findings; returns whether none of them is an error."""
    ignored = frozenset(operation.ignore_errors)

    def looking() -> Generator[None, None, bool]:
        good = True
        for check in checks:
            cluster.step(check.title)
            for finding in _found(check, scene, simulated=operation.debug_simulate_errors):
                cluster.log(finding.line(ignored, codes=operation.error_codes))
                good = good and finding.lenient(ignored)
            yield
        return good

    return await cluster.turns.take(looking())


async def ask_nodes(cluster: RunContext, scene: Scene, checks: Sequence[Check]) -> Scene:
    """The scene with the answers that the checks need."""
    questions = list(dict.fromkeys(question for check in checks for question in check.questions))
    asked = [node for node in scene.online if questions]
    if asked:
        cluster.step(f"Gathering information from nodes ({len(asked)} nodes)")
    done = 0

    async def ask(node: Node) -> tuple[str, Answers]:
        nonlocal done
        answers = await _ask(cluster, scene, node, questions)
        done += 1
        cluster.job.progress(Progress(done, len(asked), "nodes"))
        return node.name, answers

    try:
        answers = dict(await asyncio.gather(*map(ask, asked)))
    finally:
        cluster.job.progress(None)
    silent = frozenset(name for name, found in answers.items() if found.none)
    return replace(scene, answers=answers, silent=silent, now=cluster.now)


async def compare_replicas(cluster: RunContext) -> Mapping[str, str]:
    """What is wrong with replicas of the configuration, by node."""
    try:
        return await cluster.replica_problems()
    except GanetiError as error:
        why = error.message
    except Exception as error:  # noqa: BLE001 - the other checks must go on, whatever it is
        _log.exception("Comparing the replicas failed unexpectedly")
        why = repr(error)
    others = [node.name for node in cluster.state.candidates if node.uuid != cluster.state.cluster.master_node]
    return dict.fromkeys(others, f"could not be compared with the master's: {why}")


async def _ask(cluster: RunContext, scene: Scene, node: Node, questions: Sequence[Question[Any]]) -> Answers:
    calls: dict[Question[Any], Call[Any]] = {}
    answers: dict[Question[Any], Any] = {}
    for question in questions:
        try:
            if call := question.call(scene, node):
                calls[question] = call
        except GanetiError as error:
            answers[question] = error
    began = cluster.now
    if calls:
        answers |= zip(calls, await _replies(cluster, node, list(calls.values())), strict=True)
    return Answers(answers, began, cluster.now)


async def _replies(cluster: RunContext, node: Node, calls: Sequence[Call[Any]]) -> list[Any]:
    try:
        return await cluster.ask(node, calls)
    except Exception as error:  # noqa: BLE001 - the others' work must go on, whatever it is
        _log.exception("Asking node %s failed unexpectedly", node.name)
        return [ExecutionFailed(f"asking it failed unexpectedly: {error!r}")] * len(calls)


def _found(check: Check, scene: Scene, *, simulated: bool) -> Iterator[Finding]:
    if simulated:
        yield Finding(check.code, "", "simulated error")
    try:
        yield from check.look(scene)
    except GanetiError as error:
        yield Finding(check.code, "", f"could not be checked: {error.message}")
    except Exception as error:  # noqa: BLE001 - the others' work must go on, whatever it is
        _log.exception("The check '%s' failed unexpectedly", check.title)
        yield Finding(check.code, "", f"could not be checked, which is a bug of this program: {error!r}")
