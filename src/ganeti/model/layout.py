# SPDX-License-Identifier: BSD-2-Clause
"""Where the devices of a guest's machine are."""

from __future__ import annotations

from msgspec import Struct


class Layout(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Kept with a guest, so that its devices have the same addresses on another node and at its next start.

    ``board`` is the kind of machine that it holds for; ``slots``: how many such a machine has, those among them that
    were to be free for what is plugged in while it runs, ``spare``. ``places`` by device, in its hypervisor's words.
    """

    board: str
    slots: int = 0
    spare: int = 0
    places: dict[str, str] = {}
