# SPDX-License-Identifier: BSD-2-Clause
"""What an operation would do, told instead of done (``--dry-run``, ``--preview``)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Preview:
    """``changes`` go on from "Would", in the order in which they happen. ``takes``: how long, as far as is known.

    ``risks``: what can fail although the checks found nothing, and what is left then.
    """

    changes: tuple[str, ...] = ()
    takes: str = ""
    risks: tuple[str, ...] = ()

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
