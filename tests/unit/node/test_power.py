# SPDX-License-Identifier: BSD-2-Clause
"""Out-of-band programs that behave badly, and the reset of a machine. Nothing here comes near a real trigger."""

import pytest

from ganeti.errors import EnvironmentUnfit, ExecutionFailed
from ganeti.host.paths import Paths
from ganeti.node import power
from ganeti.node.power import KernelReset, RealPrograms
from ganeti.rpc.contract.power import RunOob


@pytest.fixture
def ask(tmp_path):
    async def run(script, *, mode=0o755, seconds=60.0):
        if script is not None:
            (tmp_path / "oob").write_text(f"#!/bin/sh\n{script}\n")
            (tmp_path / "oob").chmod(mode)
        call = RunOob(program="/oob", command="power-status", node="node2.example.com", seconds=seconds)
        return await RealPrograms(Paths(tmp_path)).output(call)

    return run


async def test_a_program_is_told_what_to_do_to_which_node_and_its_output_is_the_answer(ask):
    assert await ask("echo $# $1 $2; echo noise >&2") == "2 power-status node2.example.com\n"


async def test_one_that_fails_is_told_with_its_last_words(ask):
    with pytest.raises(ExecutionFailed, match="ended with status 1: no route to host"):
        await ask("echo no route to host >&2; exit 1")


async def test_one_that_hangs_is_killed_with_what_it_started(ask):
    with pytest.raises(ExecutionFailed, match="did not finish within 0 seconds"):
        await ask("sleep 3600 & wait", seconds=0.1)


async def test_one_that_prints_megabytes_is_killed(ask):
    with pytest.raises(ExecutionFailed, match=f"printed more than {power.MOST_PRINTED} bytes, and was killed"):
        await ask("yes")


async def test_one_that_is_missing_or_not_executable_is_told_in_a_line(ask):
    with pytest.raises(EnvironmentUnfit, match="oob' is not installed on this machine"):
        await ask(None)
    with pytest.raises(EnvironmentUnfit, match="oob' cannot be run: Permission denied"):
        await ask("true", mode=0o644)


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine of its own, whose trigger is a file."""
    trigger, namespace = tmp_path / "sysrq-trigger", tmp_path / "pid"
    trigger.touch()
    namespace.touch()
    monkeypatch.setattr(power, "_FIRST_NAMESPACE", namespace.stat().st_ino)
    return KernelReset(trigger, namespace)


def test_a_machine_is_reset_by_its_kernel(machine):
    machine.ensure_possible()
    assert machine.trigger.read_text() == ""
    machine.now()
    assert machine.trigger.read_text() == "b"


def test_a_kernel_that_cannot_do_it_is_told(machine):
    machine.trigger.unlink()
    with pytest.raises(EnvironmentUnfit, match="no magic SysRq"):
        machine.now()
    assert not machine.trigger.exists()


def test_what_is_in_a_container_is_never_reset_since_the_machine_is_anothers(machine, monkeypatch):
    monkeypatch.setattr(power, "_FIRST_NAMESPACE", 0)
    with pytest.raises(EnvironmentUnfit, match="no machine of its own but a container"):
        machine.now()
    assert machine.trigger.read_text() == ""
