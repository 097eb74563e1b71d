# SPDX-License-Identifier: BSD-2-Clause
"""Which CPU models nodes can give their guests, and the one that all nodes of a group share (decision 53)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from ganeti.errors import WrongState

GROUP_MODEL = "group"  # as cpu_type: the model of the node group

_FEW = 4  # features that a guest may well do without, so that the message says how


class CpuModel(Struct, frozen=True, omit_defaults=True):
    """``missing``: the features that the node lacks, by QEMU's names. ``features``: how many the model has.

    That is 0 for one that no group is to share: it is not the same everywhere, or another vendor's, or of 32 bits.
    """

    missing: tuple[str, ...] = ()
    features: int = 0


class CpuModels(Struct, frozen=True, kw_only=True):
    """What QEMU's ``query-cpu-definitions`` tells of a node, by the names of the models.

    ``vendor``: that of the node's own processors; empty if guests are emulated, which are not bound to it.
    """

    models: dict[str, CpuModel]
    vendor: str = ""

    def problem(self, cpu_type: str) -> str:
        """Why a guest cannot have this ``cpu_type`` on the node, as text; empty if it can."""
        name, *changes = cpu_type.split(",")
        if (model := self.models.get(name)) is None:
            return f"there is no CPU model '{name}' in this node's QEMU"
        off = {_plain(change) for change in changes if _is_off(change)}
        added = {_plain(change) for change in changes if not _is_off(change)}
        lacking = {_plain(feature): feature for one in self.models.values() for feature in one.missing}
        of_model = dict.fromkeys(feature for feature in model.missing if _plain(feature) not in off)
        missing = of_model | {feature: None for plain, feature in lacking.items() if plain in added}
        if not missing:
            return ""
        without = f"; '{cpu_type},-{',-'.join(missing)}' does without"
        few = missing == of_model and len(missing) <= _FEW
        return f"this node lacks {', '.join(missing)} of '{cpu_type}'{without if few else ''}"


def most_shared(nodes: Mapping[str, CpuModels]) -> str:
    """The model with the most features that all nodes can give; of several, the last by name. ``nodes`` by name.

    Raises WrongState if they share none.
    """
    vendors = {found.vendor: name for name, found in nodes.items() if found.vendor}
    if len(vendors) > 1:
        told = ", ".join(f"{vendor} in {name}" for vendor, name in vendors.items())
        raise WrongState(
            f"Processors are of different vendors ({told}), between which no guest migrates: put the nodes into "
            "different node groups"
        )
    shared = set[str].intersection(*(_candidates(found) for found in nodes.values())) if nodes else set()
    if not shared:
        raise WrongState(f"There is no CPU model that all of {', '.join(nodes)} can give to guests")
    return max(shared, key=lambda name: (min(found.models[name].features for found in nodes.values()), name))


def with_group_model(hvparams: Mapping[str, Any], cpu_model: str) -> dict[str, Any]:
    """Hypervisor parameters in which ``cpu_type`` names a model, if the group has one."""
    name, *changes = str(hvparams.get("cpu_type", "")).split(",")
    follows = name == GROUP_MODEL and bool(cpu_model)
    return {**hvparams, **({"cpu_type": ",".join((cpu_model, *changes))} if follows else {})}


def follow_group(several: Iterable[Mapping[str, Any]]) -> bool:
    """Whether any of these hypervisor parameters has the group's model."""
    return any(str(one.get("cpu_type", "")).partition(",")[0] == GROUP_MODEL for one in several)


def _candidates(found: CpuModels) -> set[str]:
    return {name for name, model in found.models.items() if model.features and not model.missing}


def _is_off(change: str) -> bool:
    return change.startswith("-") or change.endswith("=off")


def _plain(feature: str) -> str:
    """QEMU knows features by several spellings: ``sse4.2``, ``sse4-2``, ``sse4_2``."""
    return feature.lstrip("+-").partition("=")[0].replace(".", "-").replace("_", "-")
