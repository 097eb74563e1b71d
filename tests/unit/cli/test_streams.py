# SPDX-License-Identifier: BSD-2-Clause
"""A command whose caller closes, fills or interrupts its streams, or that may not do what it wants: a real process."""

import errno
import os
import pty
import signal
import subprocess
import sys
from io import StringIO

import pytest

from ganeti.cli.failures import ended
from ganeti.cli.session import Session
from ganeti.errors import WrongState
from ganeti.host.paths import ROOT_VARIABLE
from ganeti.jobs.preview import Preview

SCRIPT = "import sys; from ganeti.cli.main import gnt_{script}; sys.exit(gnt_{script}())"


@pytest.fixture
def shell(served):
    """Runs a script as a shell does, with redirections: ``shell("instance", "list", ">&-")``."""

    def call(script, words, redirected="", **more):
        command = ["sh", "-c", f'"$@" {redirected}', "sh", sys.executable, "-c", SCRIPT.format(script=script), *words]
        environment = {"PATH": os.environ["PATH"], ROOT_VARIABLE: str(served[1]), "PYTHONPATH": ":".join(sys.path)}
        given = {"stdin": subprocess.DEVNULL, "env": environment} | more
        return subprocess.run(command, capture_output=True, check=False, **given)

    return call


def test_a_full_disk_under_the_output_is_told(shell):
    done = shell("instance", ["list"], ">/dev/full")
    assert (done.returncode, done.stderr) == (
        1,
        b"gnt-instance: the output cannot be written: No space left on device\n",
    )


@pytest.mark.parametrize("redirected", [">&-", "<&-", ">&- 2>&- <&-", "2>/dev/full"])
def test_streams_that_are_closed_are_not_needed(shell, redirected):
    done = shell("instance", ["list"], redirected)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("entry", "words"),
    [("gnt_instance", "list --help"), ("gnt_instance", "--help"), ("hbal", "--help"), ("hail", "--version")],
)
def test_help_that_nobody_can_read_is_told(entry, words):
    line = f"from ganeti.cli.main import {entry}; import sys; sys.argv[0] = {entry!r}; sys.exit({entry}())"
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        done = subprocess.run(
            [sys.executable, "-c", line, *words.split()], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert (done.returncode, done.stderr.decode().partition(": ")[2]) == (
        1,
        "the output cannot be written: No space left on device\n",
    )


def test_bytes_that_are_no_text_are_told(shell):
    done = shell("instance", ["list", b"w\xe9b"])
    assert (done.returncode, done.stderr) == (2, rb"The argument 'w\xe9b' is not a text in UTF-8" + b"\n")


def test_the_end_of_the_input_at_a_question_is_a_no(shell):
    master, terminal = pty.openpty()
    os.write(master, b"\x04")
    done = shell("instance", ["remove", "web1"], stdin=terminal)
    os.close(master)
    os.close(terminal)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert done.stdout.endswith(b"y/[n]/?: \n")


@pytest.mark.parametrize(
    ("entry", "loaded"),
    [("gnt_instance", "ganeti.cli.script"), ("gnt_instance", "ganeti.cli.options"), ("hbal", "ganeti.cli.htools.hbal")],
)
def test_an_interruption_while_the_command_is_loaded_ends_it_without_a_word(served, entry, loaded):
    early = (
        "import os, signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # it may be ignored where the tests run
        "class Early:\n"
        "    def find_spec(self, name, *_):\n"
        f"        if name == {loaded!r}: os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Early())\n"
        f"from ganeti.cli.main import {entry}\n"
        f"sys.exit({entry}())\n"
    )
    environment = {ROOT_VARIABLE: str(served[1]), "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", early, "list"], capture_output=True, env=environment, check=False)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, b"")


def test_who_is_not_root_is_told_to_be(monkeypatch, capsys):
    def work(words):
        raise PermissionError(errno.EACCES, "Permission denied", "/run/socket")

    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert ended("gnt-instance", [], work) == 1
    assert capsys.readouterr().err == "gnt-instance: /run/socket: Permission denied; this has to be run as root\n"


LONG = " ".join(["Instance web1.example.com cannot be moved"] * 4) + "\n  " + "-".join(["/srv/a"] * 20)


def complaint(monkeypatch, *, isatty):
    def work(words):
        raise WrongState(LONG)

    stream = StringIO()
    stream.isatty = lambda: isatty
    monkeypatch.setattr("sys.stderr", stream)
    assert ended("gnt-instance", [], work) == 1
    return stream.getvalue()


def test_a_long_message_is_broken_between_words_at_a_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    told = complaint(monkeypatch, isatty=True)
    *lines, last = told.splitlines()
    assert " ".join(lines).endswith(LONG.splitlines()[0])
    assert max(map(len, lines)) <= 80
    assert last == LONG.splitlines()[1]  # a word is left whole
    monkeypatch.setenv("COLUMNS", "40")
    assert max(map(len, complaint(monkeypatch, isatty=True).splitlines()[:-1])) <= 40


def test_a_script_gets_each_line_as_it_is(monkeypatch):
    assert complaint(monkeypatch, isatty=False).endswith(f"{LONG}\n")


@pytest.mark.parametrize("isatty", [True, False])
def test_a_preview_is_broken_at_a_terminal_too(monkeypatch, isatty):
    stream = StringIO()
    stream.isatty = lambda: isatty
    monkeypatch.setattr("sys.stdout", stream)
    monkeypatch.setenv("COLUMNS", "200")
    risk = " ".join(["instances on the other node keep running"] * 4)
    Session("gnt-cluster", "upgrade", {}).tell(Preview(("do it",), risks=(risk,)))
    lines = stream.getvalue().splitlines()
    assert " ".join(lines) == f"Would do it Risk: {risk} Checked only; nothing was changed"
    assert (max(map(len, lines)) <= 80) is isatty
