# SPDX-License-Identifier: BSD-2-Clause
"""Whether a process runs what is installed."""

import shutil
import subprocess
import sys

import pytest

from ganeti.model.running_program import RunningProgram
from ganeti.node.hypervisor.kvm.programs import replaced

# Maps a file as a library is mapped, and waits for the end of its input.
_LOADS = (
    "import mmap, sys; file = open(sys.argv[1], 'rb'); "
    "loaded = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ | mmap.PROT_EXEC, flags=mmap.MAP_PRIVATE); "
    "print('ready', flush=True); sys.stdin.read()"
)


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "program"
    shutil.copy2(shutil.which("cat"), path)
    return path


@pytest.fixture
def running(program):
    process = subprocess.Popen([program], stdin=subprocess.PIPE)
    yield process.pid
    process.communicate(b"")


def update(path):
    new = path.with_name("new")
    shutil.copy2(path, new)
    new.replace(path)


def test_a_program_that_is_still_the_installed_one_is_not_replaced(program, running):
    assert replaced(running, program) == ()


def test_one_that_was_replaced_or_removed_is(program, running):
    update(program)
    assert replaced(running, program) == (str(program),)


def test_one_that_another_start_would_take_is(program, running, tmp_path):
    other = tmp_path / "other"
    shutil.copy2(program, other)
    assert replaced(running, other) == (str(other),)


def test_a_script_may_start_anything_and_is_not_compared(program, running, tmp_path):
    script = tmp_path / "script"
    script.write_text(f"#!/bin/sh\nexec {program}\n")
    assert replaced(running, script) == ()
    update(program)
    assert replaced(running, script) == (str(script),)


def test_a_library_that_was_replaced_is_named(tmp_path):
    library = tmp_path / "libguest.so.1"
    library.write_bytes(bytes(4096))
    words = [sys.executable, "-c", _LOADS, library]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n"
        assert str(library) not in replaced(process.pid, library)
        update(library)
        assert str(library) in replaced(process.pid, library)


def test_of_many_files_three_are_named():
    found = RunningProgram("u", "7.2.13", "7.2.22", tuple("abcde"))
    assert found.told() == "7.2.13, started before the replacement of a, b, c and 2 more; installed is 7.2.22"
    assert RunningProgram("u", problem="it is away").told() == "unknown: it is away"
