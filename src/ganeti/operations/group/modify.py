# SPDX-License-Identifier: BSD-2-Clause
"""Modify the parameters of a node group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from ganeti.declare.command import Command
from ganeti.declare.operation import Hook
from ganeti.declare.parameter import param
from ganeti.declare.route import Route
from ganeti.declare.setting import given_settings, with_settings
from ganeti.declare.types import Parameters
from ganeti.errors import WrongInput
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.preview import Preview
from ganeti.model.entity import differences
from ganeti.model.group import Group
from ganeti.model.state import State
from ganeti.operations.cluster.spelling import GROUP_OPTIONS, layered_parameters
from ganeti.operations.group.changes import changed, newly_forbidden
from ganeti.operations.group.cpu_model import with_model
from ganeti.operations.group.subject import GROUP_ARGUMENT, GroupOperation
from ganeti.operations.node.spindles import ensure_exclusive_possible
from ganeti.operations.node.switches import set_up_switches, with_other_switches

_BODY_NAMES = {"custom_ndparams": "ndparams", "custom_diskparams": "diskparams", "custom_ipolicy": "ipolicy"}


@dataclass(frozen=True, slots=True)
class GroupModifyPlan:
    """``forbidden``: the instances that the policy forbids from then on."""

    before: Group
    after: Group
    forbidden: list[str]


@with_settings(Group, "modify")
class GroupModify(GroupOperation[GroupModifyPlan], frozen=True, kw_only=True, tag="OP_GROUP_SET_PARAMS"):
    """Modify the parameters of a node group, which its nodes and instances inherit."""

    routes: ClassVar[tuple[Route, ...]] = (Route("PUT", "/groups/{group_name}/modify", body=True, renamed=_BODY_NAMES),)
    hook: ClassVar[Hook | None] = Hook("group-modify", "GROUP")
    commands: ClassVar[tuple[Command, ...]] = (
        Command(
            "gnt-group",
            "modify",
            (GROUP_ARGUMENT,),
            GROUP_OPTIONS,
            compose=layered_parameters,
            usage="[<opts>...] <group-name>",
        ),
    )

    hv_state: Annotated[Parameters | None, param("State of hypervisors", unsupported=True)] = None
    disk_state: Annotated[Parameters | None, param("State of storage", unsupported=True)] = None

    async def check(self, cluster: CheckContext) -> GroupModifyPlan:
        state, given = cluster.state, given_settings(Group, self)
        if not given:
            raise WrongInput("Nothing to change; 'gnt-group modify --help' lists what can be")
        group = self.group(state)
        after = changed(state, group, given)
        if "cpu_model" in given:
            after = await with_model(cluster, state, after)
        await ensure_exclusive_possible(cluster, state.changed([after]))
        return GroupModifyPlan(group, after, newly_forbidden(state, state.changed([after]), after))

    def preview(self, state: State, plan: GroupModifyPlan) -> Preview:
        del state
        return Preview.of_settings(plan.before, plan.after)

    async def run(self, cluster: RunContext, plan: GroupModifyPlan) -> list[tuple[str, Any]]:
        """Returns the changed settings."""
        after = cluster.state.changed([plan.after])
        await set_up_switches(cluster, after, with_other_switches(cluster.state, after))
        await cluster.commit([plan.after])
        if plan.forbidden:
            cluster.warn(f"The instance policy now forbids, but does not stop: {', '.join(plan.forbidden)}")
        return differences(plan.before, plan.after)

    def hook_environment(self, state: State, plan: GroupModifyPlan) -> dict[str, str]:
        return super().hook_environment(state, plan) | {"NEW_ALLOC_POLICY": str(plan.after.alloc_policy)}
