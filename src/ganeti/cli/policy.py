# SPDX-License-Identifier: BSD-2-Clause
"""Instance policies, as ``info`` commands show them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganeti.cli.tree import Pairs


def policy(effective: Mapping[str, Any], own: Mapping[str, Any] | None = None) -> Pairs:
    """``own``: the part set by a group, which has no standard sizes; then inherited values are marked."""
    bounds = [
        Pairs((f"min/{index}", plain(pair["min"])), (f"max/{index}", plain(pair["max"])))
        for index, pair in enumerate(effective["minmax"])
    ]

    def marked(name: str, value: Any) -> str:
        return str(value) if own is None or name in own else f"default ({value})"

    return Pairs(
        ("bounds specs", bounds),
        *((("std", plain(effective["std"])),) if own is None else ()),
        ("allowed disk templates", marked("disk-templates", ", ".join(effective["disk-templates"]))),
        ("spindle-ratio", marked("spindle-ratio", effective["spindle-ratio"])),
        ("vcpu-ratio", marked("vcpu-ratio", effective["vcpu-ratio"])),
    )


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by name, in order, unset ones as empty."""
    return {name: "" if values[name] is None else values[name] for name in sorted(values)}


def specs_options(sizes: Mapping[str, Any]) -> list[str]:
    """The options that set those standard sizes and bounds of a policy that are in ``sizes``."""
    options = []
    if "std" in sizes:
        options.append(f"--ipolicy-std-specs {_written(sizes['std'])}")
    if "minmax" in sizes:
        pairs = (f"min:{_written(pair['min'])}/max:{_written(pair['max'])}" for pair in sizes["minmax"])
        options.append(f"--ipolicy-bounds-specs {'//'.join(pairs)}")
    return options


def _written(spec: Mapping[str, Any]) -> str:
    return ",".join(f"{name}={spec[name]}" for name in sorted(spec) if spec[name] is not None)
