# SPDX-License-Identifier: BSD-2-Clause
"""Remove tags from an object."""

from __future__ import annotations

from ganeti.errors import UnknownEntity
from ganeti.operations.tags.subject import TagOperation


class TagsRemove(TagOperation, frozen=True, kw_only=True, tag="OP_TAGS_DEL"):
    """Remove tags from an object; all of them have to be there."""

    def changed(self, tags: frozenset[str]) -> frozenset[str]:
        missing = sorted(set(self.tags) - tags)
        if missing:
            raise UnknownEntity(f"Tag(s) {', '.join(missing)} not found; nothing was removed")
        return tags - frozenset(self.tags)
