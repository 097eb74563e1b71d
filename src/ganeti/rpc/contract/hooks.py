# SPDX-License-Identifier: BSD-2-Clause
"""Calls around an operation that run the administrator's hooks."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from ganeti.model.timing import HOOKS, WATCHER_SCRIPTS
from ganeti.rpc.call import Call


class HookResult(Struct, frozen=True):
    """``status`` is "success", "fail" or "skip" (not executable)."""

    script: str
    status: str
    output: str = ""


class RunHooks(Call[tuple[HookResult, ...]], frozen=True, tag="hooks.run"):
    """Run the scripts of ``/etc/ganeti/hooks/<path>-<phase>.d`` in the order of their names."""

    path: str
    phase: Literal["pre", "post"]
    environment: dict[str, str]
    patience = HOOKS


class RunWatcherScripts(Call[tuple[HookResult, ...]], frozen=True, tag="hooks.run-watcher"):
    """Run the scripts of ``/etc/ganeti/hooks/watcher`` in the order of their names (ganeti-watcher(8))."""

    environment: dict[str, str]
    patience = WATCHER_SCRIPTS
