# SPDX-License-Identifier: BSD-2-Clause
"""What an operation would do, told instead of done (``--dry-run``, ``--preview``)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from msgspec import Struct

from ganeti.declare.secret import blanked


@dataclass(frozen=True, slots=True)
class Preview:
    """``changes`` go on from "Would", in the order in which they happen. ``takes``: how long, as far as is known.

    ``risks``: what can fail although the checks found nothing, and what is left then.
    """

    changes: tuple[str, ...] = ()
    takes: str = ""
    risks: tuple[str, ...] = ()

    @classmethod
    def of_settings(cls, before: Struct, after: Struct, more: Iterable[str] = (), risks: Iterable[str] = ()) -> Preview:
        """Of the settings in which two values of one object differ, secrets left out."""
        names = [name for name in after.__struct_fields__ if getattr(before, name) != getattr(after, name)]
        old, new = (blanked(type(one), {name: getattr(one, name) for name in names}) for one in (before, after))
        return cls.of((pair for name in names for pair in _changed(name, old[name], new[name])), more, risks)

    @classmethod
    def of(cls, settings: Iterable[tuple[str, Any]], more: Iterable[str] = (), risks: Iterable[str] = ()) -> Preview:
        """Of settings that change, each with its new value, and of what comes after that."""
        changes = (*(f"change {what} -> {value}" for what, value in settings), *more)
        return cls(changes or ("change nothing",), risks=tuple(risks))

    def lines(self) -> Iterator[str]:
        """For the log of the job."""
        yield from (f"Would {change}" for change in self.changes)
        if self.takes:
            yield f"Takes {self.takes}"
        yield from (f"Risk: {risk}" for risk in self.risks)
        yield "Checked only; nothing was changed"


def _changed(name: str, before: Any, after: Any) -> Iterator[tuple[str, str]]:
    """What differs, by the path of it in nested values."""
    if not isinstance(before, Mapping) or not isinstance(after, Mapping):
        yield name, _in_words(after)
        return
    for key in dict.fromkeys([*before, *after]):
        if key not in after:
            yield f"{name}/{key}", "default"
        elif isinstance(after[key], Mapping):
            yield from _changed(f"{name}/{key}", before.get(key, {}), after[key])
        elif before.get(key) != after[key] or key not in before:
            yield f"{name}/{key}", _in_words(after[key])


def _in_words(value: Any) -> str:
    """As it would be typed."""
    if isinstance(value, Mapping):
        return ",".join(f"{key}={_in_words(inner)}" for key, inner in value.items())
    if isinstance(value, AbstractSet):
        value = sorted(value)
    if isinstance(value, list | tuple):
        between = "/" if any(isinstance(one, Mapping) for one in value) else ", "
        return between.join(map(_in_words, value)) or "none"
    return "none" if value in ("", None) else str(value)
