# SPDX-License-Identifier: BSD-2-Clause
"""What a node lets its master run, and what a caller learns of what it does not."""

import asyncio
import os

import pytest

from ganeti.errors import ExecutionFailed
from ganeti.host.paths import Paths
from ganeti.node import restricted
from ganeti.node.restricted import RestrictedCommands
from ganeti.rpc.contract.restricted import RunRestricted

REFUSED = "The command cannot be run; the reason is in the log of the node daemon there"


@pytest.fixture
def directory(tmp_path, monkeypatch):
    monkeypatch.setattr(restricted, "PENALTY", 0.0)
    monkeypatch.setattr(restricted, "OWNER", (os.getuid(), os.getgid()))
    place = Paths(tmp_path).restricted_commands
    place.mkdir(parents=True, mode=0o755)
    write(place / "uptime", "echo up; echo $#; echo noise >&2")
    return place


@pytest.fixture
def commands(directory, tmp_path):
    return RestrictedCommands(Paths(tmp_path))


def write(path, script, mode=0o755):
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(mode)


async def run(commands, name="uptime"):
    return await commands.run(RunRestricted(command=name), None)


async def refused(commands, name="uptime"):
    with pytest.raises(ExecutionFailed) as told:
        await run(commands, name)
    assert told.value.message == REFUSED


async def test_a_command_runs_without_arguments_and_what_it_prints_is_the_answer(commands, directory):
    assert await run(commands) == "up\n0\nnoise\n"
    (directory / "linked").symlink_to("uptime")
    assert await run(commands, "linked") == "up\n0\nnoise\n"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda place: (place / "uptime").unlink(),
        lambda place: (place / "uptime").chmod(0o644),
        lambda place: (place / "uptime").chmod(0o775),
        lambda place: (place / "uptime").chmod(0o757),
        lambda place: (place / "uptime").chmod(0o4755),
        lambda place: place.chmod(0o777),
        lambda place: place.rename(place.with_name("elsewhere")),
        lambda place: (place.rename(place.with_name("real")), place.symlink_to("real")),
        lambda place: ((place / "uptime").unlink(), (place / "uptime").mkdir()),
        lambda place: ((place / "uptime").unlink(), (place / "uptime").symlink_to("nonesuch")),
    ],
)
async def test_of_whatever_is_in_the_way_only_the_log_tells(commands, directory, caplog, spoil):
    spoil(directory)
    await refused(commands)
    assert "A restricted command is refused" in caplog.text


@pytest.mark.parametrize("name", ["../uptime", "/bin/true", ".", "..", "", "uptime ", "up.sh", "x" * 101])
async def test_only_names_of_files_there_are_looked_for(commands, name):
    await refused(commands, name)


async def test_what_belongs_to_another_is_not_run(commands, monkeypatch):
    monkeypatch.setattr(restricted, "OWNER", (os.getuid() + 1, os.getgid()))
    await refused(commands)


async def test_a_link_to_what_others_can_change_is_not_followed(commands, directory, tmp_path):
    write(tmp_path / "theirs", "echo theirs", mode=0o777)
    (directory / "theirs").symlink_to(tmp_path / "theirs")
    await refused(commands, "theirs")


async def test_whoever_guesses_waits_and_lets_others_wait_but_not_for_ever(commands, monkeypatch):
    monkeypatch.setattr(restricted, "PENALTY", 3600.0)
    monkeypatch.setattr(restricted, "PATIENCE", 0.05)
    guess = asyncio.create_task(run(commands, "guess"))
    await asyncio.sleep(0)
    await refused(commands)
    with pytest.raises(ExecutionFailed, match=REFUSED):
        await guess


async def test_a_command_that_hangs_keeps_no_other_from_running(commands, directory):
    write(directory / "hangs", "sleep 3600")
    hanging = asyncio.create_task(run(commands, "hangs"))
    assert await run(commands) == "up\n0\nnoise\n"
    hanging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hanging


async def test_how_a_command_fails_is_told(commands, directory, monkeypatch):
    write(directory / "fails", "echo half; echo no >&2; exit 3")
    with pytest.raises(ExecutionFailed, match=r"^'fails' ended with status 3: half\nno$"):
        await run(commands, "fails")
    write(directory / "endless", "yes")
    with pytest.raises(ExecutionFailed, match=f"^'endless' printed more than {restricted.MOST_PRINTED} bytes"):
        await run(commands, "endless")
    monkeypatch.setattr(restricted, "_TIME", 0.1)
    write(directory / "hangs", "sleep 3600")
    with pytest.raises(ExecutionFailed, match=r"^'hangs' did not finish within 0 seconds"):
        await run(commands, "hangs")
