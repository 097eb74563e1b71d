# SPDX-License-Identifier: BSD-2-Clause
"""What all operations on the tags of one object have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from ganeti.declare.command import Argument, Command, Option
from ganeti.declare.parameter import param
from ganeti.declare.route import Body, Route
from ganeti.declare.types import Name, Tags
from ganeti.errors import WrongInput
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.lockset import LockSet, all_exclusive, exclusive
from ganeti.jobs.operation import JobOperation
from ganeti.model.entity import Entity, evolve
from ganeti.model.kind import TAGGED, Kind, labelled
from ganeti.model.state import CLASSES, State

# An enumeration made from the table of kinds; a string for mypy, which cannot evaluate the table.
if TYPE_CHECKING:
    Label = str
else:
    Label = Literal[*(kind.label for kind in TAGGED)]

_TAGS = Argument("tags", "Tags", "*")
_FROM = Option(
    ("--from",),
    "Read more tags from a file, one per line; '-' for standard input",
    "lines",
    metavar="FILE",
    name="file",
    default=(),
)


class TagOperation(JobOperation[Entity], frozen=True, kw_only=True):
    """Changes the tags of one object; the plan is the resulting object."""

    kind: Annotated[Label, param("Kind of object")]
    tags: Annotated[Tags, param("Tags")]
    name: Annotated[Name | None, param("Name of the object; empty for the cluster")] = None

    def changed(self, tags: frozenset[str]) -> frozenset[str]:
        """The resulting tags, from the present ones. Raises WrongInput."""
        raise NotImplementedError

    def locks(self, state: State) -> LockSet:
        kind = labelled(self.kind)
        return exclusive(kind, tagged(state, kind, self.name).name) if kind.path else all_exclusive(kind)

    async def check(self, cluster: CheckContext) -> Entity:
        if not self.tags:
            raise WrongInput("Parameter 'tags': no tag is given")
        found = tagged(cluster.state, labelled(self.kind), self.name)
        return evolve(found, tags=self.changed(found.tags))

    async def run(self, cluster: RunContext, plan: Entity) -> None:
        await cluster.commit([plan])


def tagged(state: State, kind: Kind, name: str | None) -> Entity:
    """Raises WrongInput or UnknownEntity."""
    if not kind.path:
        return state.cluster
    if not name:
        raise WrongInput(f"Parameter 'name': a name is needed, to say which {kind.noun}")
    return state.find(CLASSES[kind], name)


def tags_path(kind: Kind) -> str:
    return f"/{kind.path}/{{name}}/tags" if kind.path else "/tags"


def of(kind: Kind) -> str:
    """``of one node group``, ``of the cluster``."""
    return f"of one {kind.noun}" if kind.path else f"of the {kind.noun}"


def named(kind: Kind) -> tuple[Argument, ...]:
    """The argument that names an object of a kind."""
    return (Argument("name", f"Name of the {kind.noun}", completes=kind),) if kind.path else ()


def shown(kind: Kind) -> str:
    """How that argument is shown in a usage message."""
    return f"<{kind}-name>" if kind.path else ""


def changing_route(method: Literal["PUT", "DELETE"], kind: Kind, summary: str) -> Route:
    return Route(
        method,
        tags_path(kind),
        query={"tag": "tags"},
        # Ganeti's own client sends those of nodes as a body.
        body=Body(Tags | None, lambda tags: {"tags": tags} if tags else {}),
        fixed={"kind": kind.label},
        summary=f"{summary} {of(kind)}",
    )


def changing_command(name: str, kind: Kind, summary: str) -> Command:
    """``summary`` is the help without the object."""
    return Command(
        f"gnt-{kind}",
        name,
        (*named(kind), _TAGS),
        (_FROM,),
        compose=_with_tags_of_file,
        usage=f"{shown(kind)} <tag>...".strip(),
        fixed={"kind": kind.label},
        help=f"{summary} {kind.articled}.",
    )


def _with_tags_of_file(values: Mapping[str, Any]) -> dict[str, Any]:
    tags = [*values["tags"], *(line for line in values["file"] if line)]
    if not tags:
        raise WrongInput("There are no tags; give some, or a file with --from")
    return {**{name: value for name, value in values.items() if name != "file"}, "tags": tags}
