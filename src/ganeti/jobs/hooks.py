# SPDX-License-Identifier: BSD-2-Clause
"""The administrator's scripts around operations ("Ganeti customisation using hooks").

Scripts of ``<path>-pre.d`` run on the master and the nodes concerned before the operation and can refuse
it; those of ``<path>-post.d`` run after it, and can only cause warnings.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, Literal, TypeVar

from ganeti.declare.operation import Hook
from ganeti.errors import GanetiError, HookAborted
from ganeti.jobs.context import RunContext
from ganeti.jobs.operation import JobOperation
from ganeti.model.node import Node
from ganeti.rpc.contract.hooks import HookResult, RunHooks

P = TypeVar("P")

_VERSION = "2"


class Hooks(Generic[P]):
    """The hooks of one run of an operation."""

    def __init__(self, operation: JobOperation[P], plan: P, cluster: RunContext) -> None:
        self._operation = operation
        self._plan = plan
        self._cluster = cluster
        self._nodes = operation.hook_nodes(cluster.state, plan)
        self._before = operation.hook_environment(cluster.state, plan)

    async def before(self) -> None:
        """Raises HookAborted if a script refuses."""
        hook = type(self._operation).hook
        if hook is None or not hook.refusable:
            return
        results = await self._run(hook, "pre", self._nodes.pre, self._before)
        failed = [f"{node}: {result.script} ({result.output.strip() or 'no output'})" for node, result in results]
        if failed:
            raise HookAborted(f"Hooks refused the operation: {'; '.join(failed)}")

    async def after(self) -> None:
        hook = type(self._operation).hook
        if hook is None:
            return
        try:
            now = self._operation.hook_environment(self._cluster.state, self._plan)
        except GanetiError:
            now = {}  # the object of the operation is gone
        environment = self._before | {f"POST_{key}": value for key, value in now.items()}
        for node, result in await self._run(hook, "post", self._nodes.post, environment):
            self._cluster.warn(f"Post hook {result.script} failed on {node}: {result.output.strip()}")

    async def _run(
        self, hook: Hook, phase: Literal["pre", "post"], nodes: Iterable[Node], own: dict[str, str]
    ) -> list[tuple[str, HookResult]]:
        """Returns the failed scripts, with the names of their nodes. ``own``: the operation's variables."""
        call = RunHooks(path=hook.path, phase=phase, environment=self._environment(hook, phase, own))
        results = await self._cluster.call_all(self._callable(nodes), call)
        failed = []
        for node, outcome in results.items():
            if isinstance(outcome, GanetiError):
                self._cluster.warn(f"Hooks could not run on {node}: {outcome.message}")
                continue
            failed += [(node, result) for result in outcome if result.status == "fail"]
        return failed

    def _callable(self, nodes: Iterable[Node]) -> list[Node]:
        """The master and ``nodes`` as they are now, without those that are gone or marked offline."""
        state = self._cluster.state
        wanted = dict.fromkeys(node.uuid for node in (state.master, *nodes) if state.has(node))
        return [node for uuid in wanted if not (node := state.get(Node, uuid)).offline]

    def _environment(self, hook: Hook, phase: str, own: dict[str, str]) -> dict[str, str]:
        state, operation = self._cluster.state, self._operation
        common = {
            "HOOKS_VERSION": _VERSION,
            "HOOKS_PHASE": phase,
            "HOOKS_PATH": hook.path,
            "OP_CODE": operation.wire_name(),
            "OBJECT_TYPE": hook.about,
            "OP_TARGET": state.cluster.name,
            "CLUSTER": state.cluster.name,
            "MASTER": state.master.name,
        }
        return {f"GANETI_{key}": value for key, value in (common | own).items()}
