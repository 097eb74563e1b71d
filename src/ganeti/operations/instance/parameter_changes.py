# SPDX-License-Identifier: BSD-2-Clause
"""Changes of an instance's hypervisor, backend and OS parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ganeti.declare.problems import Problems
from ganeti.declare.secret import BLANK
from ganeti.declare.text import RESET
from ganeti.model.entity import evolve
from ganeti.model.guest import ensure_backend_sense, ensure_hypervisor_sense
from ganeti.model.instance import Instance
from ganeti.model.os_parameters import os_texts
from ganeti.model.parameters.backend import spelled_out
from ganeti.model.state import State
from ganeti.operations.instance.blueprint import backend_overrides, hypervisor_overrides


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterChanges:
    """The given values; "default" removes an override of the instance."""

    hvparams: Mapping[str, Any] = field(default_factory=dict)
    beparams: Mapping[str, Any] = field(default_factory=dict)
    os: str | None = None
    osparams: Mapping[str, Any] = field(default_factory=dict)
    osparams_private: Mapping[str, Any] = field(default_factory=dict)

    @property
    def concern_os(self) -> bool:
        return self.os is not None or bool(self.osparams or self.osparams_private)

    def applied(self, state: State, instance: Instance) -> Instance:
        """Raises WrongInput, with everything that is wrong."""
        problems, old = Problems(), instance
        attempt = problems.attempt
        changed = evolve(
            instance,
            hvparams=attempt(
                lambda: hypervisor_overrides(old.hypervisor, self.hvparams, old.hvparams), instance.hvparams
            ),
            beparams=attempt(lambda: backend_overrides(self.beparams, old.beparams), instance.beparams),
            os=instance.os if self.os is None else self.os,
            osparams=attempt(lambda: _with_texts("osparams", old.osparams, self.osparams), instance.osparams),
            osparams_private=attempt(
                lambda: _with_texts("osparams_private", old.osparams_private, self.osparams_private),
                instance.osparams_private,
            ),
        )
        for ensure_sense in (ensure_backend_sense, ensure_hypervisor_sense):
            with problems.noted():
                ensure_sense(state, changed)
        problems.tell()
        return changed

    def told(self, instance: Instance) -> Iterator[tuple[str, Any]]:
        """The given parameters, with their values in ``instance``."""
        yield from ((f"hv/{name}", instance.hvparams.get(name, RESET)) for name in self.hvparams)
        yield from ((f"be/{name}", instance.beparams.get(name, RESET)) for name in spelled_out(self.beparams))
        if self.os is not None:
            yield "os", self.os
        yield from ((f"os/{name}", instance.osparams.get(name, RESET)) for name in self.osparams)
        yield from (
            (f"os_private/{name}", BLANK if name in instance.osparams_private else RESET)
            for name in self.osparams_private
        )


def _with_texts(parameter: str, current: Mapping[str, str], given: Mapping[str, Any]) -> dict[str, str]:
    kept = {name: value for name, value in current.items() if name not in given}
    texts = {name: value for name, value in given.items() if value != RESET}
    return kept | os_texts(texts, f"Parameter '{parameter}'")
