# SPDX-License-Identifier: BSD-2-Clause
"""Whether KVM works is found out by trying, once; a stand-in for QEMU says how the tiny guest fares."""

import pytest

from ganeti.errors import EnvironmentUnfit, ExecutionFailed
from ganeti.host.paths import Paths
from ganeti.node.hypervisor.kvm import accelerator
from ganeti.node.hypervisor.kvm.accelerator import Accelerators
from ganeti.node.hypervisor.kvm.capabilities import Capabilities

# Each call leaves a line, and what is said depends on the accelerator, the second word.
QEMU = """#!/bin/sh
echo "$2" >>"{log}"
case $2 in
kvm) {kvm} ;;
tcg) {tcg} ;;
esac
exec sleep 1000
"""
UP = "echo TINY-GUEST UP name=tiny"
HANG = "echo booting"


@pytest.fixture
def world(tmp_path):
    """A node with a tiny guest and a /dev/kvm; ``qemu`` makes the program."""
    paths = Paths(tmp_path)
    tiny = paths.os_search_path[0] / "tiny"
    tiny.mkdir(parents=True)
    (tiny / "vmlinuz").touch()
    (tiny / "initrd.gz").touch()
    (tmp_path / "kvm").touch()
    return paths


def qemu(paths, kvm, tcg, version=1):
    program = paths.root / "qemu"
    program.write_text(QEMU.format(log=paths.root / "log", kvm=kvm, tcg=tcg))
    program.chmod(0o755)
    return Capabilities(
        program=str(program),
        version=(version, 0, 0),
        machines=frozenset(),
        devices=frozenset(),
        migration=frozenset(),
    )


def accelerators(paths, boot_id="boot"):
    return Accelerators(paths, boot_id, paths.root / "kvm")


def tries(paths):
    log = paths.root / "log"
    return sorted(log.read_text().split()) if log.exists() else []


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(accelerator, "_PAUSE", 0.05)


async def test_emulation_is_not_tried_while_the_guest_comes_up_under_kvm(world):
    assert await accelerators(world).choose("", qemu(world, UP, "sleep 1000")) == "kvm"
    assert tries(world) == ["kvm"]


@pytest.mark.usefixtures("impatient")
async def test_where_emulation_is_sooner_kvm_hangs(world):
    assert await accelerators(world).choose("", qemu(world, HANG, UP)) == "tcg"


async def test_where_qemu_ends_under_kvm_its_last_words_say_why(world):
    verdict = await accelerators(world).judge(qemu(world, "echo no such thing; exit 1", "sleep 1000"))
    assert (verdict.works, verdict.why) == (False, "QEMU ended before the tiny guest was up: no such thing")


@pytest.mark.usefixtures("impatient")
async def test_kvm_is_tried_until_emulation_is_up_even_if_that_fails(world):
    assert await accelerators(world).choose("", qemu(world, f"sleep 0.3; {UP}", "exit 1")) == "kvm"


@pytest.mark.usefixtures("impatient")
async def test_where_neither_comes_up_nothing_is_known_nor_remembered(world, monkeypatch):
    monkeypatch.setattr(accelerator, "TRIAL", 0.3)
    node = accelerators(world)
    with pytest.raises(ExecutionFailed, match="neither with it nor emulated"):
        await node.choose("", qemu(world, HANG, HANG))
    monkeypatch.undo()
    assert await node.choose("", qemu(world, UP, UP)) == "kvm"


async def test_the_answer_is_remembered_until_what_it_depends_on_changes(world):
    program = qemu(world, UP, "sleep 1000")
    await accelerators(world).choose("", program)
    await accelerators(world).choose("", program)
    assert tries(world).count("kvm") == 1
    await accelerators(world, boot_id="next").choose("", program)
    assert tries(world).count("kvm") == 2
    await accelerators(world, boot_id="next").choose("", qemu(world, UP, "sleep 1000", version=2))
    assert tries(world).count("kvm") == 3


async def test_without_a_device_nothing_is_tried(world):
    (world.root / "kvm").unlink()
    assert await accelerators(world).choose("", qemu(world, UP, UP)) == "tcg"
    with pytest.raises(EnvironmentUnfit, match="'kvm_flag'"):
        await accelerators(world).choose("enabled", qemu(world, UP, UP))
    assert tries(world) == []


async def test_emulation_that_is_asked_for_needs_no_try(world):
    assert await accelerators(world).choose("disabled", qemu(world, UP, UP)) == "tcg"
    assert tries(world) == []
