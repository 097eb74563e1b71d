# SPDX-License-Identifier: BSD-2-Clause
"""The output of hspace(1): for users, and as shell variables."""

from __future__ import annotations

import math
from collections.abc import Iterator
from decimal import Decimal

from ganeti.placement.allocator.failure import Failure
from ganeti.placement.figures import decimals
from ganeti.placement.space.filling import Filled
from ganeti.placement.space.spec import InstanceSpec
from ganeti.placement.space.totals import Totals

Pair = tuple[str, object]


def quoted(value: object) -> str:
    """Quoted for a shell; values with a minus sign, even in an exponent, have always been quoted."""
    text = _general(value) if isinstance(value, float) else str(value)
    return f"'{text}'" if "-" in text else text


def _general(value: float) -> str:
    """With an exponent if it is below 0.1 or has more than seven digits before the point."""
    if value == 0 or 0.1 <= abs(value) < 1e7 or not math.isfinite(value):
        return str(value)
    mantissa, _, exponent = f"{Decimal(repr(value)).normalize():e}".partition("e")
    return f"{mantissa if '.' in mantissa else f'{mantissa}.0'}e{int(exponent)}"


def machine_cluster(initial: Totals) -> Iterator[Pair]:
    yield "CLUSTER_MEM", initial.memory
    yield "CLUSTER_DSK", initial.disk
    yield "CLUSTER_CPU", initial.cpus
    yield "CLUSTER_VCPU", initial.vcpus
    yield "CLUSTER_SPN", initial.spindles
    yield "CLUSTER_NODES", initial.nodes
    yield from machine_totals("INI", initial)


def machine_totals(phase: str, it: Totals) -> Iterator[Pair]:
    """``phase``: INI, TRL (after tiered allocation) or FIN (after the standard one)."""
    pairs: tuple[Pair, ...] = (
        ("SCORE", decimals(it.score)),
        ("INST_CNT", it.instances),
        ("MEM_FREE", it.free_memory),
        ("MEM_AVAIL", it.available_memory),
        ("MEM_RESVD", it.reserved_memory),
        ("MEM_INST", it.instance_memory),
        ("MEM_OVERHEAD", it.overhead),
        ("MEM_EFF", decimals(it.memory_efficiency)),
        ("DSK_FREE", it.free_disk),
        ("DSK_AVAIL", it.available_disk),
        ("DSK_RESVD", it.reserved_disk),
        ("DSK_INST", it.instance_disk),
        ("DSK_EFF", decimals(it.disk_efficiency)),
        ("SPN_FREE", it.free_spindles),
        ("SPN_INST", it.used_spindles),
        ("SPN_EFF", decimals(it.spindle_efficiency)),
        ("CPU_INST", it.used_vcpus),
        ("CPU_EFF", decimals(it.vcpu_efficiency)),
        ("MNODE_MEM_AVAIL", it.most_memory),
        ("MNODE_DSK_AVAIL", it.most_disk),
    )
    for key, value in pairs:
        yield f"{phase}_{key}", value


def machine_spec(prefix: str, spec: InstanceSpec) -> Iterator[Pair]:
    yield f"{prefix}_MEM", spec.memory
    yield f"{prefix}_DSK", spec.disk
    yield f"{prefix}_CPU", spec.vcpus
    yield f"{prefix}_SPN", spec.spindles
    yield f"{prefix}_RQN", spec.required_nodes
    yield f"{prefix}_DISK_TEMPLATE", spec.template


def machine_tiered(filled: Filled, initial: Totals, final: Totals) -> Iterator[Pair]:
    """The results of tiered allocation."""
    yield from machine_totals("TRL", final)
    counts = (f"{it.memory},{it.disk},{it.vcpus},{it.spindles}={count}" for it, count in filled.counts)
    listed = " ".join(counts)
    yield "TSPEC", f"'{listed}'" if listed else ""
    yield from _key_metrics("USED", initial.used_vcpus, initial.normal_cpus, _sizes(initial))
    grown = [after - before for before, after in zip(_sizes(initial), _sizes(final), strict=True)]
    yield from _key_metrics(
        "POOL", final.used_vcpus - initial.used_vcpus, final.normal_cpus - initial.normal_cpus, grown
    )
    left = [whole - used for whole, used in zip(_whole(final), _sizes(final), strict=True)]
    unused = final.vcpus - final.used_vcpus
    ratio = final.vcpus / final.cpus if final.cpus else 1.0
    yield from _key_metrics("UNAV", unused, unused / ratio, left)


def machine_standard(filled: Filled, initial: Totals, final: Totals) -> Iterator[Pair]:
    yield from machine_totals("FIN", final)
    usage = initial.instances / final.instances if final.instances else math.nan
    yield "ALLOC_USAGE", decimals(usage)
    yield "ALLOC_INSTANCES", len(filled.instances)
    yield "ALLOC_FAIL_REASON", filled.reason.word.upper()
    listed = Failure.listed() if filled.tried else list(filled.failures)
    for failure in sorted(listed, key=lambda failure: -filled.failures[failure]):
        yield f"ALLOC_{failure.word.upper()}_CNT", filled.failures[failure]


def human_cluster(initial: Totals) -> Iterator[str]:
    yield f"The cluster has {initial.nodes} nodes and the following resources:"
    spindles = f", SPN {initial.spindles}" if initial.exclusive else ""
    yield f"  MEM {initial.memory}, DSK {initial.disk}, CPU {initial.cpus}, VCPU {initial.vcpus}{spindles}."
    if initial.instances:
        yield f"There are {initial.instances} initial instances on the cluster."
    else:
        yield "There are no initial instances on the cluster."


def human_spec(what: str, spec: InstanceSpec, initial: Totals) -> Iterator[str]:
    yield f"{what} instance spec is:"
    yield f"  {_sizes_of(spec, initial)}, using disk template '{spec.template}'."


def human_tiered(filled: Filled, initial: Totals, final: Totals) -> Iterator[str]:
    yield "Tiered allocation results:"
    if not filled.counts:
        yield "  - no instances allocated"
    for spec, count in filled.counts:
        yield f"  - {count:3d} instances of spec {_sizes_of(spec, initial)}"
    yield from _human_end(filled, initial, final)


def human_standard(filled: Filled, initial: Totals, final: Totals) -> Iterator[str]:
    yield "Normal (fixed-size) allocation results:"
    yield f"  - {len(filled.instances):3d} instances allocated"
    yield from _human_end(filled, initial, final)


def _human_end(filled: Filled, initial: Totals, final: Totals) -> Iterator[str]:
    yield f"  - most likely failure reason: {filled.reason.word}"
    yield f"  - initial cluster score: {decimals(initial.score)}"
    yield f"  -   final cluster score: {decimals(final.score)}"
    efficiencies = [
        ("memory", final.memory_efficiency),
        ("disk", final.disk_efficiency),
        ("vcpu", final.vcpu_efficiency),
        *([("spindles", final.spindle_efficiency)] if final.exclusive else []),
    ]
    width = max(len(what) for what, _ in efficiencies)
    for what, part in efficiencies:
        yield f"  - {what:>{width}} usage efficiency: {_percent(part)}"


def _sizes_of(spec: InstanceSpec, initial: Totals) -> str:
    spindles = f", SPN {spec.spindles}" if initial.exclusive else ""
    return f"MEM {spec.memory}, DSK {spec.disk}, CPU {spec.vcpus}{spindles}"


def _sizes(it: Totals) -> tuple[int, int, int]:
    return it.instance_memory, it.instance_disk, it.used_spindles


def _whole(it: Totals) -> tuple[int, int, int]:
    return it.memory, it.disk, it.spindles


def _key_metrics(what: str, vcpus: int, normal: float, sizes: tuple[int, int, int] | list[int]) -> Iterator[Pair]:
    memory, disk, spindles = sizes
    yield f"KM_{what}_CPU", vcpus
    yield f"KM_{what}_NPU", normal
    yield f"KM_{what}_MEM", memory
    yield f"KM_{what}_DSK", disk
    yield f"KM_{what}_SPN", spindles


def _percent(fraction: float) -> str:
    return f"{decimals(fraction * 100, 2):>5}%"
