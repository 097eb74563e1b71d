# SPDX-License-Identifier: BSD-2-Clause
"""The administrator's own scripts around operations (Ganeti's documentation, "Customisation using hooks")."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

from ganeti.errors import GanetiError, WrongInput
from ganeti.host.paths import Paths
from ganeti.host.process import follow
from ganeti.model.timing import HOOKS_MARGIN
from ganeti.rpc.contract.hooks import HookResult, RunHooks, RunWatcherScripts
from ganeti.rpc.server import Report

# As that documentation has it; a name with a dot (a backup, a file of the package manager) is skipped.
_SCRIPT_NAME = re.compile(r"^[a-zA-Z0-9_-]+\Z")
_PATH_NAME = re.compile(r"^[a-z0-9-]+\Z")


class Hooks:
    """The handler of ``rpc/contract/hooks.py``."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths

    async def run(self, call: RunHooks, report: Report) -> tuple[HookResult, ...]:
        del report
        if not _PATH_NAME.match(call.path):
            raise WrongInput(f"Parameter 'path': '{call.path}' is not the name of a hook directory")
        own = {"GANETI_HOOKS_PATH": call.path, "GANETI_HOOKS_PHASE": call.phase}
        return await self._run_all(f"{call.path}-{call.phase}.d", own | call.environment, call.deadline)

    async def run_watcher(self, call: RunWatcherScripts, report: Report) -> tuple[HookResult, ...]:
        del report
        return await self._run_all("watcher", {"GANETI_HOOKS_PATH": "watcher"} | call.environment, call.deadline)

    async def _run_all(self, name: str, environment: dict[str, str], patience: float) -> tuple[HookResult, ...]:
        """Run scripts one after the other; a failing one does not stop the next."""
        deadline = asyncio.get_running_loop().time() + patience - HOOKS_MARGIN
        return tuple([await self._run(script, environment, deadline) for script in self._scripts(name)])

    def _scripts(self, name: str) -> list[Path]:
        directory = self._paths.hooks / name
        found = sorted(directory.iterdir()) if directory.is_dir() else []
        return [path for path in found if _SCRIPT_NAME.match(path.name)]

    async def _run(self, script: Path, environment: dict[str, str], deadline: float) -> HookResult:
        name = f"{script.parent.name}/{script.name}"
        if not _executable(script):
            return HookResult(name, "skip")
        said: list[str] = []
        try:
            status = await follow(
                script,
                told=said.append,
                timeout=max(deadline - asyncio.get_running_loop().time(), 0.0),
                environment=self._environment(environment),
                directory=self._paths.root,
            )
        except GanetiError as error:
            return HookResult(name, "fail", "\n".join([*said, error.message]))
        return HookResult(name, "fail" if status else "success", "\n".join(said))

    def _environment(self, told: dict[str, str]) -> dict[str, str]:
        """The master's variables, plus those that only the node knows."""
        return {"PATH": "/sbin:/bin:/usr/sbin:/usr/bin", "GANETI_DATA_DIR": str(self._paths.state), **told}


def _executable(script: Path) -> bool:
    return script.is_file() and os.access(script, os.X_OK)
