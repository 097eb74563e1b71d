# SPDX-License-Identifier: BSD-2-Clause
"""A disk as its provider knows it: a name, passed to scripts (ganeti-extstorage-interface(7))."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from ganeti.errors import ExecutionFailed, WrongInput
from ganeti.host.paths import Paths
from ganeti.model.disk import Disk
from ganeti.model.parameters.disk import ExtParameters
from ganeti.node.provider_directory import is_script
from ganeti.node.script import Script, begun_log
from ganeti.node.storage.ext.provider import find
from ganeti.rpc.contract.storage import StorageProvider

# Seconds. Creating, copying and removing large volumes takes long; anything else is quick.
_SLOW = 400.0
_QUICK = 50.0
_SLOW_ONES = ("create", "remove", "grow")
_MOST_ANSWERED = 64 * 1024  # characters of output
_LOCATION = re.compile(r"(?P<provider>[^/]+)/(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)")


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished script; ``why`` it failed, empty if it did not. ``cut``: its output was truncated."""

    output: str
    why: str
    cut: bool


@dataclass(frozen=True, slots=True)
class Volume:
    disk: Disk
    provider: StorageProvider
    name: str
    log: Path

    @classmethod
    def of(cls, paths: Paths, disk: Disk) -> Volume:
        """Raises UnknownEntity or WrongInput if the provider is missing or cannot be used."""
        match = _LOCATION.fullmatch(disk.location)
        if match is None:
            raise WrongInput(f"Parameter 'location': '{disk.location}' is not a volume of a storage provider")
        provider = find(paths, match["provider"])
        log = paths.log / "extstorage" / f"{provider.name}-{match['name']}.log"
        return cls(disk, provider, match["name"], log)

    @property
    def key(self) -> str:
        """A unique key of the volume, as the name of a file."""
        return f"{self.provider.name}-{self.name}"

    @property
    def called(self) -> str:
        return f"storage provider '{self.provider.name}' for {self.disk.called}"

    @property
    def parameters(self) -> dict[str, str]:
        """The provider's parameters."""
        ours = ExtParameters.__struct_encode_fields__
        return {name: str(value) for name, value in self.disk.params.items() if name not in ours}

    @property
    def userspace(self) -> bool:
        return self.disk.params.get("access") == "userspace"

    def has(self, script: str) -> bool:
        """Whether an optional script exists."""
        return is_script(Path(self.provider.path) / script)

    async def run(self, script: str, **told: str) -> None:
        """Raises ExecutionFailed, with its last output, if it fails or takes too long."""
        outcome = await self.ask(script, **told)
        if outcome.why:
            raise ExecutionFailed(outcome.why)

    async def ask(self, name: str, **told: str) -> Outcome:
        """Raises ExecutionFailed if it takes too long."""
        answer = _Answer()
        script = Script(
            Path(self.provider.path) / name,
            self.called,
            self._environment(told),
            begun_log(self.log),
        )
        status = await script.ask(timeout=_SLOW if name in _SLOW_ONES else _QUICK, answered=answer.take)
        why = script.why(status) if status else ""
        return Outcome("\n".join(answer.lines), why, cut=answer.cut)

    def _environment(self, told: dict[str, str]) -> dict[str, str]:
        named = {"VOL_CNAME": self.disk.name} if self.disk.name else {}
        own = {f"EXTP_{name.upper()}": value for name, value in self.parameters.items()}
        return {"VOL_NAME": self.name, "VOL_UUID": self.disk.uuid, **named, **own, **told}

    def ensure_known_parameters(self) -> None:
        """Raise WrongInput for a parameter that the provider does not list.

        A volume created with one can still be used and removed after the provider has dropped it.
        """
        strange = sorted(self.parameters.keys() - self.provider.parameters.keys())
        if strange:
            known = ", ".join(sorted(self.provider.parameters)) or "none"
            raise WrongInput(
                "\n".join(
                    f"Storage provider '{self.provider.name}' has no parameter '{name}'; it has {known}"
                    for name in strange
                )
            )


@dataclass(slots=True)
class _Answer:
    """A script's standard output, up to a limit."""

    lines: list[str] = field(default_factory=list)
    characters: int = 0

    @property
    def cut(self) -> bool:
        return self.characters > _MOST_ANSWERED

    def take(self, line: str) -> None:
        self.characters += len(line) + 1
        if not self.cut:
            self.lines.append(line)
