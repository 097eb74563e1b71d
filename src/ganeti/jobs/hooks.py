# SPDX-License-Identifier: BSD-2-Clause
"""The administrator's scripts around operations ("Ganeti customisation using hooks").

Scripts of ``<path>-pre.d`` run on the master and the nodes concerned before the operation and can refuse
it; those of ``<path>-post.d`` run after it, and can only complain.
"""

from __future__ import annotations

from typing import Any, Literal

from ganeti.errors import GanetiError, HookAborted
from ganeti.jobs.context import RunContext
from ganeti.jobs.operation import JobOperation
from ganeti.model.node import Node
from ganeti.rpc.contract.hooks import HookResult, RunHooks

_VERSION = "2"


class Hooks:
    """The hooks of one run of an operation."""

    def __init__(self, operation: JobOperation[Any], cluster: RunContext) -> None:
        self._operation = operation
        self._cluster = cluster
        self._before: dict[str, str] = {}
        self._nodes: dict[str, Node] = {}

    async def before(self) -> None:
        """Raises HookAborted if a script refuses."""
        state = self._cluster.state
        self._before = self._operation.hook_environment(state)
        self._nodes = {node.uuid: node for node in (state.master, *self._operation.hook_nodes(state))}
        results = await self._run("pre", self._before)
        failed = [f"{node}: {result.script} ({result.output.strip() or 'no output'})" for node, result in results]
        if failed:
            raise HookAborted(f"Hooks refused the operation: {'; '.join(failed)}")

    async def after(self) -> None:
        state = self._cluster.state
        try:
            now = self._operation.hook_environment(state)
            self._nodes |= {node.uuid: node for node in self._operation.hook_nodes(state)}
        except GanetiError:
            now = {}  # what the operation was about is gone
        environment = self._before | {f"POST_{key}": value for key, value in now.items()}
        for node, result in await self._run("post", environment):
            self._cluster.warn(f"Post hook {result.script} failed on {node}: {result.output.strip()}")

    async def _run(self, phase: Literal["pre", "post"], own: dict[str, str]) -> list[tuple[str, HookResult]]:
        """The failed ones, with the names of their nodes. ``own``: the operation's variables."""
        hook = type(self._operation).hook
        if hook is None:
            return []
        call = RunHooks(path=hook.path, phase=phase, environment=self._environment(phase, own))
        results = await self._cluster.call_all((n for n in self._nodes.values() if not n.offline), call)
        failed = []
        for node, outcome in results.items():
            if isinstance(outcome, GanetiError):
                self._cluster.warn(f"Hooks could not run on {node}: {outcome.message}")
                continue
            failed += [(node, result) for result in outcome if result.status == "fail"]
        return failed

    def _environment(self, phase: str, own: dict[str, str]) -> dict[str, str]:
        state, operation = self._cluster.state, self._operation
        hook, subject = type(operation).hook, type(operation).subject
        assert hook is not None  # noqa: S101 - asked before
        common = {
            "HOOKS_VERSION": _VERSION,
            "HOOKS_PHASE": phase,
            "HOOKS_PATH": hook.path,
            "OP_CODE": operation.wire_name(),
            "OBJECT_TYPE": hook.about,
            "OP_TARGET": str(getattr(operation, subject)) if subject else state.cluster.name,
            "CLUSTER": state.cluster.name,
            "MASTER": state.master.name,
            "DATA_DIR": "/var/lib/ganeti",
        }
        return {f"GANETI_{key}": value for key, value in (common | own).items()}
