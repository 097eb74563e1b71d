# SPDX-License-Identifier: BSD-2-Clause
"""What a check is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ganeti.operations.cluster.verify.findings import Code, Finding
from ganeti.operations.cluster.verify.parameters import Optional
from ganeti.operations.cluster.verify.scene import Question, Scene


@dataclass(frozen=True, slots=True)
class Check:
    """``look`` is pure: all it may know is in the scene, with the answers to ``questions`` where there are some.

    ``code`` is the code of most of its findings; ``skip`` is the name by which users may skip it.
    """

    title: str
    code: Code
    look: Callable[[Scene], Iterable[Finding]]
    questions: tuple[Question[Any], ...] = ()
    skip: Optional | None = None
