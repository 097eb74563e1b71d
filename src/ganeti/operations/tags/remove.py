# SPDX-License-Identifier: BSD-2-Clause
"""Remove tags from an object."""

from __future__ import annotations

from typing import ClassVar

from ganeti.declare.command import Command
from ganeti.declare.route import Route
from ganeti.errors import UnknownEntity
from ganeti.model.kind import TAGGED
from ganeti.operations.tags.subject import TagOperation, changing_command, changing_route


class TagsRemove(TagOperation, frozen=True, kw_only=True, tag="OP_TAGS_DEL"):
    """Remove tags from an object, which must have all of them."""

    routes: ClassVar[tuple[Route, ...]] = tuple(
        changing_route("DELETE", kind, "Remove from the tags") for kind in TAGGED
    )
    commands: ClassVar[tuple[Command, ...]] = tuple(
        changing_command("remove-tags", kind, "Remove tags from") for kind in TAGGED
    )

    def changed(self, tags: frozenset[str]) -> frozenset[str]:
        missing = sorted(set(self.tags) - tags)
        if missing:
            raise UnknownEntity(f"Tag(s) {', '.join(missing)} not found; nothing was removed")
        return tags - frozenset(self.tags)
