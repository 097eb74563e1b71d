# SPDX-License-Identifier: BSD-2-Clause
"""A real bash, with its tab key."""

import asyncio
import json
import os
import pty
import shutil
import subprocess
import sys
import threading
import time
import tomllib
from pathlib import Path

import pytest

from ganeti.cli.commands import COMMANDS
from ganeti.cli.completion import known
from ganeti.cli.completion.answer import TABLE, answers, setup
from ganeti.host.paths import ROOT_VARIABLE, Paths
from ganeti.luxi.server import LuxiServer

ROOT = Path(__file__).parents[3]
PATIENCE = 180.0  # seconds; a test that waits this long has failed
ALL = "\x1b*"  # readline's insert-completions: all that a double tab would list
TAB = "\t"


class Bash:
    """An interactive shell on a terminal; the prompt tells that it has read all that was typed."""

    def __init__(self, environment):
        self._main, its = pty.openpty()
        self._bash = subprocess.Popen(
            ["bash", "--norc", "--noprofile", "-i"],
            stdin=its,
            stdout=its,
            stderr=its,
            env={**environment, "PS1": "", "TERM": "dumb", "HISTFILE": "", "INPUTRC": "/dev/null", "LC_ALL": "C.UTF-8"},
            start_new_session=True,
        )
        os.close(its)
        self.tell("stty -echo cols 30000; bind 'set horizontal-scroll-mode off'")
        self.tell(setup())

    def tell(self, line):
        """Run a line; what it prints."""
        os.write(self._main, line.encode() + b"\recho E'ND'\r")
        return self._read("END\r\n")

    def complete(self, line, key=ALL):
        """What stands in the line behind its first word after the key was pressed."""
        os.write(self._main, line.encode() + key.encode() + b"\x01printf '<%s>' \x05 E'ND'\r")
        told = self._read("<END>").rpartition("<END>")[0]
        words = told[told.rindex("<" + line.split()[0] + ">") :]
        return words.strip("<>").split("><")[1:]

    def _read(self, end):
        deadline, text = time.monotonic() + PATIENCE, ""
        while end not in text:
            assert time.monotonic() < deadline, text
            text += os.read(self._main, 1 << 16).decode()
        return text

    def close(self):
        self._bash.kill()
        self._bash.wait()
        os.close(self._main)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A node that knows its cluster."""
    paths = Paths(tmp_path_factory.mktemp("node"))
    paths.state.mkdir(parents=True)
    facts = {
        "instance_list": "web1.example.com\nweb2.example.com\ndb1.example.com",
        "node_list": "node1.example.com\nnode2.example.com",
        "nodegroups": "5ba0 default\n77f1 rack two",
        "networks": "81ac customers",
    }
    for key, text in facts.items():
        paths.ssconf(key).write_text(text)
    return paths.root


@pytest.fixture(scope="module")
def environment(root, tmp_path_factory):
    """With the program in the path, and a home with a file and a directory."""
    programs = tmp_path_factory.mktemp("bin")
    program = programs / "ganeti-complete"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m ganeti.cli.completion.answer "$@"\n')
    program.chmod(0o755)
    files = tmp_path_factory.mktemp("files")
    (files / "many.json").touch()
    (files / "more").mkdir()
    return {
        "PATH": f"{programs}:/usr/bin:/bin",
        "PYTHONPATH": str(ROOT / "src"),
        "HOME": str(files),
        ROOT_VARIABLE: str(root),
    }


@pytest.fixture(scope="module")
def shell(environment):
    started = Bash(environment)
    started.tell("cd")
    yield started
    started.close()


@pytest.fixture(scope="module")
def master(root):
    """A master daemon that knows two jobs and some providers, on a thread of its own."""
    providers = [
        ["debian", ["bookworm", "trixie"], True, False, False],
        ["tiny", [], True, False, False],
        ["damaged", [], False, False, False],
        ["dormant", [], True, True, False],
        ["denied", [], True, False, True],
    ]
    tables = {
        "job": [[[0, 7], [0, "success"]], [[0, 12], [0, "running"]]],
        "os": [[[0, value] for value in row] for row in providers],
    }

    async def query(what, fields, condition):
        return {"fields": [], "data": tables[what]}

    loop, up = asyncio.new_event_loop(), threading.Event()

    async def serve():
        await LuxiServer({"Query": query}).start(Paths(root).master_socket)
        up.set()

    def run():
        loop.create_task(serve())
        loop.run_forever()

    thread = threading.Thread(target=run)
    thread.start()
    assert up.wait(PATIENCE)
    yield
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("gnt-instance st", ["start", "startup", "stop"]),
        ("gnt-cluster ver", ["verify", "verify-disks", "version"]),
        ("gnt-node --ver", ["--version"]),
        ("gnt-node mx", ["mx"]),
        ("gnt-nothing mi", ["mi"]),
        ("gnt-instance startup --node", ["--node", "--node-tags"]),
        ("gnt-instance startup web", ["web1.example.com", "web2.example.com"]),
        ("gnt-instance startup web1.example.com d", ["db1.example.com"]),
        ("gnt-instance startup --primary n", ["node1.example.com", "node2.example.com"]),
        ("gnt-instance startup --tags w", ["w"]),
        ("gnt-instance stop --timeout 3 w", ["web1.example.com", "web2.example.com"]),
        ("gnt-instance remove web1.example.com d", ["d"]),
        ("gnt-network connect c", ["customers"]),
        ("gnt-network connect customers d", ["default"]),
        ("gnt-instance migrate -n node2", ["node2.example.com"]),
        ("gnt-instance migrate --target-node=node2", ["--target-node=node2.example.com"]),
        ("gnt-instance migrate --target-node=", ["--target-node=node1.example.com", "node2.example.com"]),
        ("gnt-instance add -n node1.example.com:node2", ["node1.example.com:node2.example.com"]),
        ("gnt-instance add -t sh", ["sharedfile"]),
        ("gnt-instance add --disk-template=di", ["--disk-template=diskless"]),
        ("gnt-instance add -H k", ["kvm:"]),
        ("gnt-instance add -H kvm:kernel_", ["kvm:kernel_args=", "kernel_path="]),
        ("gnt-instance add -B maxmem=1g,vc", ["maxmem=1g,vcpus="]),
        ("gnt-instance add --disk 0:si", ["0:size="]),
        ("gnt-instance add --net 0:mac=auto,li", ["0:mac=auto,link="]),
        ("gnt-instance list -o name,pn", ["name,pnode", "name,pnode.group", "name,pnode.group.uuid"]),
        ("gnt-instance list -o +pnode.group.", ["+pnode.group.uuid"]),
        ("gnt-instance list --units ", ["g", "h", "m", "t"]),
        ("gnt-cluster init --enabled-hypervisors=kvm,f", ["--enabled-hypervisors=kvm,fake"]),
        ("gnt-cluster verify -g de", ["default"]),
        ("gnt-cluster queue ", ["drain", "info", "undrain"]),
        ("gnt-node modify --offline ", ["no", "yes"]),
        ("gnt-node modify --offline=y", ["--offline=yes"]),
        ("gnt-debug locks -o name,p", ["name,pending"]),
        ("gnt-instance batch-create m", ["many.json", "more/"]),
        ("gnt-cluster getmaster --re", ["--reason"]),
    ],
)
def test_bash_offers(shell, line, found):
    behind = line.rpartition(" ")[0].split()[1:]
    assert shell.complete(line) == [*behind, *found]


def test_bash_asks_the_master_for_jobs(shell, master):
    assert shell.complete("gnt-job info ") == ["info", "12", "7"]


def test_bash_offers_the_jobs_that_the_command_can_do_something_with(shell, master):
    assert shell.complete("gnt-job cancel 1", TAB) == ["cancel", "12"]
    assert shell.complete("gnt-job archive ", TAB) == ["archive", "7"]


def test_bash_offers_the_providers_that_can_be_installed(shell, master):
    assert shell.complete("gnt-instance add -o d") == ["add", "-o", "debian+bookworm", "debian+trixie"]


def test_one_tab_ends_a_word_that_is_complete(shell):
    assert shell.complete("gnt-instance remove db" + TAB + "--fo", TAB) == ["remove", "db1.example.com", "--force"]


def test_one_tab_leaves_a_word_open_that_goes_on(shell):
    assert shell.complete("gnt-instance add -B maxm" + TAB + "1g,minm" + TAB + "1g", "") == [
        "add",
        "-B",
        "maxmem=1g,minmem=1g",
    ]


def test_without_a_master_nothing_is_offered_and_nothing_said(root, tmp_path):
    done = _asked("gnt-job info ", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("option", ["--bash", "--zsh", "--fish"])
def test_a_shell_is_told_what_to_run(option):
    done = subprocess.run(
        [sys.executable, "-m", "ganeti.cli.completion.answer", option], capture_output=True, text=True, check=True
    )
    assert done.stdout == setup(option) + "\n"
    assert set(COMMANDS) <= set(done.stdout.split())
    assert "ganeti-complete" in done.stdout


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_fish_offers_the_same(environment):
    lines = "ganeti-complete --fish | source; complete -C 'gnt-instance st'; complete -C 'gnt-node info --h'"
    done = subprocess.run(
        [shutil.which("fish") or "", "--no-config", "-c", lines],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
    )
    assert done.stdout.splitlines() == ["start", "startup", "stop", "--help"]


def test_called_by_hand_it_says_what_it_is():
    done = subprocess.run(
        [sys.executable, "-m", "ganeti.cli.completion.answer"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "ganeti-complete --bash" in done.stderr


def test_a_tab_imports_nothing_that_costs_time():
    script = (
        "import sys; import ganeti.cli.completion.answer; "
        "print(sorted(set(sys.modules) & {'asyncio', 'aiohttp', 'rich', 'numpy', 'msgspec', 'argparse', 'ssl'}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_script_without_sub_commands_is_completed_too():
    table = {"hbal": {"options": {"--luxi": None, "--text-data": {"words": ["a", "b"]}}, "arguments": []}}
    assert answers(table, "hbal", "hbal --l", "--l") == ["--luxi "]
    assert answers(table, "hbal", "hbal --text-data ", "") == ["a ", "b "]


def test_every_command_that_is_installed_is_completed():
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    commands = {name for name in scripts if not name.startswith("ganeti-")}
    assert set(json.loads(TABLE.read_text())) == commands


def test_every_value_of_the_table_is_one_that_is_understood():
    table = json.loads(TABLE.read_text())
    for script in table.values():
        for command in script["commands"].values() if "commands" in script else [script]:
            for values in (*command["options"].values(), *command["arguments"]):
                assert set(values or {}) <= {"words", "names", "separator", "behind"}
                assert (values or {}).get("names", "node") in {*known.SOURCES, "file"}


def _asked(line, root):
    environment = {**os.environ, "COMP_LINE": line, "COMP_POINT": str(len(line)), ROOT_VARIABLE: str(root)}
    command = [sys.executable, "-m", "ganeti.cli.completion.answer", line.split()[0], ""]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
