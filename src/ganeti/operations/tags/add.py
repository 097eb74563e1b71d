# SPDX-License-Identifier: BSD-2-Clause
"""Add tags to an object."""

from __future__ import annotations

from typing import ClassVar

from ganeti.declare.command import Command
from ganeti.declare.route import Route
from ganeti.errors import WrongInput
from ganeti.model.kind import TAGGED
from ganeti.operations.tags.subject import TagOperation, changing_command, changing_route

MOST = 4096  # of one object, as in Ganeti


class TagsAdd(TagOperation, frozen=True, kw_only=True, tag="OP_TAGS_SET"):
    """Add tags to an object; those that it already has are ignored."""

    routes: ClassVar[tuple[Route, ...]] = tuple(changing_route("PUT", kind, "Add to the tags") for kind in TAGGED)
    commands: ClassVar[tuple[Command, ...]] = tuple(
        changing_command("add-tags", kind, "Add tags to") for kind in TAGGED
    )

    def changed(self, tags: frozenset[str]) -> frozenset[str]:
        after = tags | frozenset(self.tags)
        if len(after) > MOST:
            raise WrongInput(f"Parameter 'tags': there would be {len(after)} tags, an object can have {MOST}")
        return after
