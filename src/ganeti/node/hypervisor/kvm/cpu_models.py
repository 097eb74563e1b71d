# SPDX-License-Identifier: BSD-2-Clause
"""The CPU models that QEMU can give to guests on this node (QEMU's QMP reference, "CPU models")."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from ganeti.errors import EnvironmentUnfit
from ganeti.model.cpu import CpuModel, CpuModels
from ganeti.node.hypervisor.kvm.capabilities import Capabilities, Remembered, build_of
from ganeti.node.hypervisor.kvm.conversation import converse
from ganeti.node.hypervisor.kvm.plan import Accelerator

# A model of one version is the same in every QEMU that has it, and with every machine type.
_VERSIONED = re.compile(r".+-v\d+")
_SUFFIX = "-x86_64-cpu"
# Of the properties of a model: those of nested virtualisation, which guests do not get, and QEMU's own switches.
_NO_FEATURES = ("vmx-", "x-")


class _Definition(Struct, rename="kebab"):
    name: str
    unavailable_features: tuple[str, ...] = ()
    deprecated: bool = False


class _Expanded(Struct):
    name: str
    props: dict[str, Any]


class _Expansion(Struct):
    model: _Expanded


class CpuProbe:
    """Asks each program once, and again when it has been replaced; what processors can changes with a boot at most."""

    def __init__(self) -> None:
        self._known = Remembered[CpuModels]()

    async def ask(self, qemu: Capabilities, accelerator: Accelerator) -> CpuModels:
        """Raises EnvironmentUnfit if it does not tell, ExecutionFailed if it hangs."""
        program = Path(qemu.program)
        key = (accelerator, *build_of(program))
        return await self._known.get(key, partial(_asked, program, accelerator, qemu.devices))


async def _asked(program: Path, accelerator: Accelerator, devices: frozenset[str]) -> CpuModels:
    versioned = [name.removesuffix(_SUFFIX) for name in devices if name.endswith(_SUFFIX)]
    names = sorted(filter(_VERSIONED.fullmatch, versioned))
    definitions, found = await _told(program, accelerator, names)
    own = found
    if accelerator == "kvm":
        # There each model has the vendor of the node's processors; emulated, that of the ones it is named after.
        _, own = await _told(program, "tcg", names)
    vendor = next((props["vendor"] for props in found.values()), "") if accelerator == "kvm" else ""
    return CpuModels(
        vendor=vendor,
        models={
            one.name: CpuModel(
                one.unavailable_features,
                _features(found[one.name])
                if one.name in found and not one.deprecated and vendor in ("", own[one.name]["vendor"])
                else 0,
            )
            for one in definitions
        },
    )


async def _told(
    program: Path, accelerator: Accelerator, names: Sequence[str]
) -> tuple[list[_Definition], dict[str, dict[str, Any]]]:
    """All models, and the properties of those named."""
    expand = "query-cpu-model-expansion"
    questions: list[dict[str, Any]] = [
        {"execute": "query-cpu-definitions", "id": "definitions"},
        *({"execute": expand, "arguments": {"type": "full", "model": {"name": name}}, "id": name} for name in names),
    ]
    answers = await converse(program, accelerator, questions)
    try:
        definitions = msgspec.convert(answers.get("definitions"), list[_Definition])
        found = {name: msgspec.convert(answers.get(name), _Expansion).model.props for name in names}
    except msgspec.ValidationError:
        raise EnvironmentUnfit(f"Parameter 'kvm_path': {program} does not tell which CPU models it has") from None
    return definitions, found


def _features(props: dict[str, Any]) -> int:
    if not props.get("lm"):  # "long mode": without it, of 32 bits
        return 0
    return sum(value is True and not name.startswith(_NO_FEATURES) for name, value in props.items())
