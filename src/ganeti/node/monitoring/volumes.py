# SPDX-License-Identifier: BSD-2-Clause
"""The logical volumes of this machine (lvs(8))."""

from __future__ import annotations

from typing import Any

from ganeti.errors import EnvironmentUnfit, ExecutionFailed
from ganeti.host import process
from ganeti.node.storage.lvm.reported import OWNER_TAG, WORDS, rows
from ganeti.node.storage.lvm.volumes import Run

_TIME = 30.0  # seconds
# By the name of a column of lvs, the name in the report; a number where Ganeti's has one.
_TEXTS = {
    "lv_uuid": "uuid",
    "lv_name": "name",
    "lv_attr": "attr",
    "lv_tags": "tags",
    "modules": "modules",
    "vg_uuid": "vg_uuid",
    "vg_name": "vg_name",
    "segtype": "segtype",
    "seg_tags": "seg_tags",
    "seg_pe_ranges": "seg_pe_ranges",
    "devices": "devices",
}
_NUMBERS = {
    "lv_major": "major",
    "lv_minor": "minor",
    "lv_kernel_major": "kernel_major",
    "lv_kernel_minor": "kernel_minor",
    "lv_size": "size",
    "seg_count": "seg_count",
    "seg_start": "seg_start",
    "seg_start_pe": "seg_start_pe",
    "seg_size": "seg_size",
}


async def volumes(run: Run = process.run) -> list[dict[str, Any]]:
    """A row for each segment; none on a machine without LVM. Raises ExecutionFailed."""
    options = ("--segments", *WORDS, "--options", ",".join((*_TEXTS, *_NUMBERS)))
    try:
        done = await run("lvs", *options, timeout=_TIME)
    except EnvironmentUnfit:
        return []
    if done.failed:
        raise ExecutionFailed(done.why())
    return [_row(values) for values in rows(done.output, dict[str, str])]


def _row(values: dict[str, str]) -> dict[str, Any]:
    texts = {name: values.get(field, "") for field, name in _TEXTS.items()}
    numbers = {name: _number(values.get(field, "")) for field, name in _NUMBERS.items()}
    owners = [tag.removeprefix(OWNER_TAG) for tag in texts["tags"].split(",") if tag.startswith(OWNER_TAG)]
    return {**texts, **numbers, "instance": owners[0] if owners else None}


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        return 0
