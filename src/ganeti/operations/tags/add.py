# SPDX-License-Identifier: BSD-2-Clause
"""Add tags to an object."""

from __future__ import annotations

from ganeti.errors import WrongInput
from ganeti.operations.tags.subject import TagOperation

MOST = 4096  # of one object, as in Ganeti


class TagsAdd(TagOperation, frozen=True, kw_only=True, tag="OP_TAGS_SET"):
    """Add tags to an object; those that it has already are left."""

    def changed(self, tags: frozenset[str]) -> frozenset[str]:
        after = tags | frozenset(self.tags)
        if len(after) > MOST:
            raise WrongInput(f"Parameter 'tags': there would be {len(after)} tags, an object can have {MOST}")
        return after
