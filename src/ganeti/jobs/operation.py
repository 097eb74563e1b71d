# SPDX-License-Identifier: BSD-2-Clause
"""What an operation does: three methods in the same file as its parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from ganeti.declare.operation import Operation
from ganeti.jobs.lockset import LockSet
from ganeti.jobs.preview import Preview
from ganeti.model.state import State

if TYPE_CHECKING:
    from ganeti.jobs.context import CheckContext, RunContext
    from ganeti.model.node import Node

P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class HookNodes:
    """Where an operation's hooks run besides the master, before and after it."""

    pre: tuple[Node, ...] = ()
    post: tuple[Node, ...] = ()


class JobOperation(Operation, Generic[P], frozen=True, kw_only=True):
    """An operation that runs as (part of) a job. ``P`` is its plan, a frozen value.

    First ``locks``, then ``check`` while they are held, then ``run``. If ``run`` raises, what it
    announced with ``will_leave`` is undone.
    """

    # Changes nothing: may be run without a job, and needs no lock.
    reads_only: ClassVar[bool] = False
    # Only waits while it runs, for something outside of the cluster: may be canceled at any time.
    cancelable: ClassVar[bool] = False

    def locks(self, state: State) -> LockSet:
        """Pure. Called again when the locks are held: the state may have changed meanwhile."""
        del state
        return LockSet()

    def ensure_suitable(self, state: State) -> None:
        """Raise a CheckFailed if what it is about is nothing that it can be carried out on; asked before ``check``."""
        del state

    async def checked(self, cluster: CheckContext) -> P:
        """The plan. Raises a CheckFailed that says why it is not possible."""
        self.ensure_suitable(cluster.state)
        return await self.check(cluster)

    async def check(self, cluster: CheckContext) -> P:
        """Read only. Raises a CheckFailed that says why it is not possible, or returns what to do."""
        raise NotImplementedError

    async def run(self, cluster: RunContext, plan: P) -> Any:
        """Do it. The result is stored with the job, so it consists of plain JSON types."""
        raise NotImplementedError

    def preview(self, state: State, plan: P) -> Preview:
        """What ``run`` would do with this plan; told instead of it for a ``dry_run``."""
        del state, plan
        return Preview()

    async def recover(self, cluster: RunContext) -> None:
        """The master daemon died while this was running: clean up what it may have left.

        Afterwards what the operation announced with ``will_leave`` is undone.
        """
        del cluster

    def hook_environment(self, state: State, plan: P) -> dict[str, str]:
        """Variables for hooks, without their prefix ``GANETI_``; of Ganeti's hooks documentation.

        Called before the operation, and after it with the state at that time; raises UnknownEntity if its
        object is gone.
        """
        del state, plan
        return {}

    def hook_nodes(self, state: State, plan: P) -> HookNodes:
        """Where hooks run; called before the operation."""
        del state, plan
        return HookNodes()
