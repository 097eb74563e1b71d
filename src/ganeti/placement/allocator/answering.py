# SPDX-License-Identifier: BSD-2-Clause
"""From a cluster and a request to the answer and the resulting cluster."""

from __future__ import annotations

from collections.abc import Generator

from ganeti.placement.allocator.allocating import allocate, allocate_secondary, multi_allocate
from ganeti.placement.allocator.answer import Answer
from ganeti.placement.allocator.limits import USUAL, Limits
from ganeti.placement.allocator.moving import change_group, evacuate, relocate
from ganeti.placement.allocator.request import (
    Allocate,
    AllocateSecondary,
    ChangeGroup,
    Evacuate,
    MultiAllocate,
    Relocate,
    Request,
)
from ganeti.placement.allocator.scene import Scene
from ganeti.placement.snapshot import Snapshot


def answer(snapshot: Snapshot, request: Request, limits: Limits = USUAL) -> tuple[Answer, Snapshot]:
    """The snapshot is unchanged if nothing can be done."""
    steps = answering(snapshot, request, limits)
    while True:
        try:
            next(steps)
        except StopIteration as made:
            given: tuple[Answer, Snapshot] = made.value
            return given


def answering(
    snapshot: Snapshot, request: Request, limits: Limits = USUAL
) -> Generator[None, None, tuple[Answer, Snapshot]]:
    """Like ``answer``, as a generator with a step for each instance, so that callers can do other work in between."""
    scene = Scene(snapshot, limits)
    given = yield from _steps(scene, request)
    return given, scene.snapshot() if given.success else snapshot


def _steps(scene: Scene, request: Request) -> Generator[None, None, Answer]:
    match request:
        case Allocate():
            return allocate(scene, request)
        case MultiAllocate():
            return (yield from multi_allocate(scene, request))
        case AllocateSecondary():
            return allocate_secondary(scene, request)
        case Relocate():
            return relocate(scene, request)
        case ChangeGroup():
            return (yield from change_group(scene, request))
        case Evacuate():
            return (yield from evacuate(scene, request))
