# SPDX-License-Identifier: BSD-2-Clause
"""Instance policies in the text format: ``owner|standard|min;max;...|disk templates|vcpu ratio|spindle ratio``."""

from __future__ import annotations

from ganeti.model.parameters.policy import Bounds, Policy, Spec
from ganeti.placement.snapshot import Template
from ganeti.placement.text.row import TextRow

_POLICY = ("owner", "standard", "min;max", "disk templates", "vcpu ratio", "spindle ratio")
_TEMPLATES = frozenset(str(template) for template in Template)
_SPEC = ("memory size", "cpu count", "disk size", "disk count", "nic count", "spindle use")


def parse_policy(number: int, text: str) -> tuple[str, Policy]:
    """The group (empty: the cluster) and the policy of one line."""
    row = TextRow(number, text, _POLICY, len(_POLICY), "policy")
    templates = row.words("disk templates")
    for name in templates:
        if name not in _TEMPLATES:
            row.refuse("disk templates", f"names '{name}', which is none of {', '.join(Template)}")
    return row.text("owner"), Policy(
        std=_spec(row, "standard", row.text("standard")),
        minmax=_bounds(row),
        disk_templates=templates,
        vcpu_ratio=row.number("vcpu ratio"),
        spindle_ratio=row.number("spindle ratio"),
    )


def serialise_policy(owner: str, policy: Policy) -> str:
    bounds = ";".join(text for pair in policy.minmax for text in (_spec_text(pair.min), _spec_text(pair.max)))
    templates = ",".join(policy.disk_templates)
    return "|".join(
        (owner, _spec_text(policy.std), bounds, templates, str(policy.vcpu_ratio), str(policy.spindle_ratio))
    )


def _bounds(row: TextRow) -> tuple[Bounds, ...]:
    specs = [_spec(row, "min;max", text) for text in row.words("min;max", ";")]
    if len(specs) % 2:
        row.refuse("min;max", f"has {len(specs)} specs; they come in pairs of a smallest and a largest")
    return tuple(Bounds(min=low, max=high) for low, high in zip(specs[::2], specs[1::2], strict=True))


def _spec(row: TextRow, column: str, text: str) -> Spec:
    values = text.split(",")
    if len(values) != len(_SPEC):
        row.refuse(column, f"has {len(values)} values in '{text}', not the {len(_SPEC)} of {', '.join(_SPEC)}")
    try:
        memory, cpus, disk_size, disks, nics, spindles = (int(value) for value in values)
    except ValueError:
        row.refuse(column, f"has something else than whole numbers in '{text}'")
    return Spec(
        memory_size=memory,
        cpu_count=cpus,
        disk_size=disk_size,
        disk_count=disks,
        nic_count=nics,
        spindle_use=spindles,
    )


def _spec_text(spec: Spec) -> str:
    values = (spec.memory_size, spec.cpu_count, spec.disk_size, spec.disk_count, spec.nic_count, spec.spindle_use)
    return ",".join(str(value) for value in values)
