# SPDX-License-Identifier: BSD-2-Clause
"""The meaning of tags for placement (hbal(1)): instances to keep apart, nodes that fail together, allowed migrations.

Cluster tags ``htools:iextags:P``, ``htools:nlocation:P``, ``htools:desiredlocation:P`` and ``htools:migration:P``
give tags beginning with ``P:`` that meaning.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from msgspec import Struct

from ganeti.placement.snapshot import Instance, Node

_EXCLUSION = "htools:iextags:"
_LOCATION = "htools:nlocation:"
_DESIRED = "htools:desiredlocation:"
_MIGRATION = "htools:migration:"
_ALLOWED = "htools:allowmigration:"


class TagRules(Struct, frozen=True, kw_only=True, dict=True):
    """Prefixes (with their colon) of the relevant tags, and pairs ``(tag, also accepted)`` for migration."""

    exclusion: tuple[str, ...] = ()
    location: tuple[str, ...] = ()
    desired: tuple[str, ...] = ()
    migration: tuple[str, ...] = ()
    allowed: frozenset[tuple[str, str]] = frozenset()

    def excluded(self, instance: Instance) -> frozenset[str]:
        """An instance does not share its primary node with another that has one of these."""
        return _chosen(instance.tags, self.exclusion)

    def locations(self, node: Node) -> frozenset[str]:
        """The failure domains of a node."""
        return _chosen(node.tags, self.location)

    def desires(self, instance: Instance) -> frozenset[str]:
        return _chosen(instance.tags, self.desired)

    def migrates(self, source: Node, target: Node) -> bool:
        """Whether instances can migrate from one node to the other."""
        offered = _chosen(target.tags, self.migration)
        return all(
            tag in offered or any((tag, other) in self.allowed for other in offered)
            for tag in _chosen(source.tags, self.migration)
        )

    @cached_property
    def restricts_migration(self) -> bool:
        return bool(self.migration)


def tag_rules(cluster_tags: Iterable[str], exclusion: Iterable[str] = ()) -> TagRules:
    """The rules in the cluster's tags; ``exclusion``: further prefixes from the command line."""
    tags = list(cluster_tags)
    return TagRules(
        exclusion=_prefixes(tags, _EXCLUSION, exclusion),
        location=_prefixes(tags, _LOCATION),
        desired=_prefixes(tags, _DESIRED),
        migration=_prefixes(tags, _MIGRATION),
        allowed=frozenset(_allowed(tags)),
    )


def _prefixes(tags: list[str], marker: str, more: Iterable[str] = ()) -> tuple[str, ...]:
    names = [*(tag.removeprefix(marker) for tag in tags if tag.startswith(marker)), *more]
    return tuple(dict.fromkeys(f"{name}:" for name in names))


def _allowed(tags: list[str]) -> Iterable[tuple[str, str]]:
    for tag in tags:
        if tag.startswith(_ALLOWED):
            source, separator, target = tag.removeprefix(_ALLOWED).partition("::")
            if separator:
                yield source, target


def _chosen(tags: Iterable[str], prefixes: tuple[str, ...]) -> frozenset[str]:
    return frozenset(tag for tag in tags if tag.startswith(prefixes)) if prefixes else frozenset()
