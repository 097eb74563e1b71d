# SPDX-License-Identifier: BSD-2-Clause
"""A check of ``gnt-cluster verify``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ganeti.operations.cluster.verify.findings import Code, Finding
from ganeti.operations.cluster.verify.parameters import Optional
from ganeti.operations.cluster.verify.scene import Question, Scene


@dataclass(frozen=True, slots=True)
class Check:
    """``look`` is pure: all its input is in the scene, with the answers to ``questions`` if it has any.

    ``code`` is the code of most of its findings; ``skip`` is the name by which users can skip it.
    """

    title: str
    code: Code
    look: Callable[[Scene], Iterable[Finding]]
    questions: tuple[Question[Any], ...] = ()
    skip: Optional | None = None
