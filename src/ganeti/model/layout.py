# SPDX-License-Identifier: BSD-2-Clause
"""Where the devices of a guest's machine are."""

from __future__ import annotations

from msgspec import Struct


class Layout(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Kept with a guest, so that its devices have the same addresses on another node and at its next start.

    ``board`` is the machine type that it applies to; ``slots``: how many such a machine has; ``spare``: how many of
    them were to be kept free for hotplugging. ``places`` by device, in its hypervisor's notation.
    """

    board: str
    slots: int = 0
    spare: int = 0
    places: dict[str, str] = {}
