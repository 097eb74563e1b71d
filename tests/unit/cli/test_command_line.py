# SPDX-License-Identifier: BSD-2-Clause
"""What is typed, and what is said about what was typed wrong."""

import os
import socket
import subprocess
import sys

import pytest

from ganeti import VERSION
from ganeti.cli.commands import ALIASES, COMMANDS
from ganeti.cli.not_yet import NOT_YET
from ganeti.cli.options import build, option_of, parse, take_arguments
from ganeti.declare.command import Argument, Option
from ganeti.errors import EXIT_NOT_CLUSTER, EXIT_NOT_MASTER, EXIT_USAGE, CommandLineError, WrongInput
from ganeti.host.certificates import create_authority, create_node_credentials
from ganeti.host.files import write_atomic
from ganeti.host.paths import ROOT_VARIABLE, Paths
from ganeti.operations import all_operations
from ganeti.operations.instance.create import InstanceCreate
from ganeti.rpc.authority import Term, write_term


def read(options, *words):
    given = parse(build("gnt-x y", "", "", options), options, words)
    given.problems.tell()
    return given.arguments, given.values


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("instance", ["list", "--colour"]),
        ("instance", ["list", "--units", "x"]),
        ("instance", ["list", "-o"]),
        ("cluster", ["verify", "--priority", "urgent"]),
    ],
)
def test_a_wrong_option_is_one_line_that_names_it_and_status_2(gnt, script, words):
    ended = gnt(script, *words)
    assert (ended.status, ended.output) == (EXIT_USAGE, "")
    assert ended.errors.count("\n") == 1
    assert words[1] in ended.errors
    assert "--help" in ended.errors


def test_all_options_that_are_wrong_are_told_at_once(gnt):
    disk = "0:size=much,color=red"
    words = ["-t", "floppy", "-B", "a=1,a=2", "-o", "../evil", "--disk", disk, "--priority", "urgent"]
    ended = gnt("instance", "add", *words, "web9")
    assert (ended.status, ended.output) == (EXIT_USAGE, "")
    told = (
        "'a' is given twice",
        "'floppy' is not allowed; choose from blockdev, diskless, drbd, ext, file, gluster, plain, rbd, sharedfile",
        "'urgent' is not allowed; choose from low, normal, high",
        "'much' is not a size",
        "there is no parameter 'color'",
        "expected an OS name",
    )
    assert [text for text in told if text not in ended.errors] == []


@pytest.mark.parametrize(
    ("script", "words", "told"),
    [
        ("instance", ["remove"], "Command remove expects 1 argument(s): <instance_name>"),
        ("instance", ["remove", "a", "b"], "Command remove expects 1 argument(s): <instance_name>"),
        ("cluster", ["getmaster", "x"], "Command getmaster expects 0 argument(s)"),
        ("job", ["info"], "Command info expects at least 1 argument(s): <job_ids>"),
    ],
)
def test_a_wrong_number_of_arguments_is_told_with_status_1(gnt, script, words, told):
    ended = gnt(script, *words)
    assert (ended.status, ended.output) == (1, "")
    assert told in ended.errors


@pytest.mark.parametrize("script", COMMANDS)
def test_an_unknown_command_is_told_with_those_there_are(gnt, script):
    ended = gnt(script.removeprefix("gnt-"), "explode")
    assert (ended.status, ended.output) == (1, "")
    assert "there is no command 'explode'" in ended.errors
    assert all(f" {name} " in ended.errors for name in COMMANDS[script])


@pytest.mark.parametrize("socket_left_behind", [True, False])
def test_a_former_master_names_the_new_one(gnt, monkeypatch, tmp_path, socket_left_behind):
    paths = Paths(tmp_path)
    authority = create_authority("cluster")
    write_atomic(paths.node_certificate, create_node_credentials(authority, "node1").certificate)
    write_atomic(paths.ssconf("master_node"), "node1\n")
    write_term(paths.term, Term(3, "node2"))
    paths.master_socket.parent.mkdir(parents=True)
    if socket_left_behind:
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(paths.master_socket))
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    ended = gnt("instance", "list")
    assert (ended.status, ended.output) == (EXIT_NOT_MASTER, "")
    assert ended.errors == "This is not the master node, please connect to node 'node2' and rerun the command\n"
    write_term(paths.term, Term(4, "node1"))
    ended = gnt("instance", "list")
    assert (ended.status, "is ganeti-masterd running?" in ended.errors) == (1, True)


@pytest.mark.parametrize(("script", "name"), [(s, n) for s in sorted(NOT_YET) for n in sorted(NOT_YET[s])])
def test_a_command_that_only_ganeti_has_is_told_as_such(gnt, script, name):
    ended = gnt(script.removeprefix("gnt-"), name)
    assert (ended.status, ended.output) == (1, "")
    assert ended.errors.startswith(f"{script}: '{name}' is a command of Ganeti that is not supported yet\n")


@pytest.mark.parametrize("script", COMMANDS)
def test_help_lists_every_command(gnt, script):
    ended = gnt(script.removeprefix("gnt-"), "--help")
    assert (ended.status, ended.errors) == (0, "")
    assert all(f" {name} " in ended.output for name in COMMANDS[script])


def test_the_version_is_told(gnt):
    assert gnt("instance", "--version").output == f"gnt-instance (ganeti {VERSION}) {VERSION}\n"


@pytest.mark.parametrize(("script", "alias", "name"), [(s, a, n) for s, of in ALIASES.items() for a, n in of.items()])
def test_an_alias_is_a_command_that_there_is(script, alias, name):
    assert name in COMMANDS[script]
    assert alias not in COMMANDS[script]


def test_an_alias_does_the_same(gnt):
    assert gnt("node", "show", "node1").output == gnt("node", "info", "node1").output


@pytest.mark.parametrize(
    ("kind", "given", "value"),
    [
        ("text", "a b", "a b"),
        ("int", "5", 5),
        ("float", "0.5", 0.5),
        ("bool", "yes", True),
        ("bool", "off", False),
        ("size", "1.5g", 1536),
        ("list", "a,b", ["a", "b"]),
        ("keyval", "a=1,no_b,-c,d", {"a": "1", "b": False, "c": "default", "d": True}),
        ("identkeyval", "0:size=1g", ("0", {"size": "1g"})),
    ],
)
def test_a_text_is_read_as_its_option_says(kind, given, value):
    assert read([Option(("--it",), "", kind=kind)], f"--it={given}") == ([], {"it": value})


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("int", "five"),
        ("float", "x"),
        ("bool", "perhaps"),
        ("size", "1x"),
        ("size", "-1"),
        ("keyval", "=1"),
        ("keyval", "a=1,a=2"),
        ("identkeyval", "size=1g"),
    ],
)
def test_a_text_that_cannot_be_read_names_its_option(kind, given):
    with pytest.raises(WrongInput, match=r"^--it: "):
        read([Option(("--it",), "", kind=kind)], f"--it={given}")


def test_options_and_arguments_may_be_mixed_and_two_dashes_end_options():
    options = [Option(("-f", "--force"), "", kind="flag"), Option(("--name",), "")]
    assert read(options, "a", "-f", "b", "--name", "n") == (["a", "b"], {"force": True, "name": "n"})
    assert read(options, "--", "-f") == (["-f"], {})


def test_a_repeated_option_gathers_and_lists_are_joined():
    assert read([Option(("--tag",), "", kind="list", repeat=True)], "--tag=a,b", "--tag=c") == (
        [],
        {"tag": ["a", "b", "c"]},
    )


def test_a_default_is_there_when_nothing_is_given():
    assert read([Option(("--valid",), "", default="1h")]) == ([], {"valid": "1h"})


def test_flags_that_share_a_value_give_it_theirs():
    options = [Option((f"--{mode}",), "", kind="flag", name="mode", const=mode) for mode in ("node", "tags")]
    assert read(options, "--tags") == ([], {"mode": "tags"})
    assert read(options) == ([], {})


def test_arguments_get_their_names():
    many = (Argument("one", ""), Argument("more", "", "*"))
    assert take_arguments("x", many, ["a"]) == {"one": "a", "more": []}
    assert take_arguments("x", many, ["a", "b", "c"]) == {"one": "a", "more": ["b", "c"]}
    assert take_arguments("x", (Argument("one", "", "?"),), []) == {}


def test_too_many_arguments_for_an_optional_one_are_refused():
    with pytest.raises(WrongInput, match=r"expects 0 to 1 argument\(s\): <one>"):
        take_arguments("x", (Argument("one", "", "?"),), ["a", "b"])


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("dry_run", "flag"),
        ("start", "no-flag"),
        ("beparams", "keyval"),
        ("disk_template", "text"),
        ("helper_startup_timeout", "int"),
    ],
)
def test_the_kind_of_an_option_follows_from_its_parameter(name, kind):
    assert option_of(InstanceCreate.parameters()[name]).kind == kind


def test_the_help_of_a_flag_that_switches_off_is_written_for_the_flag():
    assert option_of(InstanceCreate.parameters()["start"]).help == "Do not start the instance"


def test_every_flag_that_switches_off_has_a_help():
    options = [option_of(it) for cls in all_operations() for it in cls.parameters().values() if it.flags]
    assert [option.flags for option in options if not option.help] == []


def test_a_percent_sign_in_a_help_text_is_only_that():
    assert "50 % of it" in build("x", "", "", [Option(("--part",), "50 % of it")]).format_help()


def test_a_parser_raises_and_does_not_exit():
    with pytest.raises(CommandLineError, match="unrecognized arguments: --nothing"):
        read([], "--nothing")


def test_the_beginning_of_a_long_option_is_enough_where_it_fits_one(gnt):
    assert gnt("instance", "list", "--no-header", "--out", "name").lines == ["db1", "web1", "web2"]
    assert gnt("job", "list", "--runn", "--no-head").lines == []
    assert "ambiguous option: --no" in gnt("instance", "add", "--no").errors
    assert gnt("node", "list", "--separator=--", "--no-head", "-o", "name,role", "node1").lines == ["node1--M"]


def test_where_there_is_no_cluster_that_is_said_with_status_5(gnt, monkeypatch, tmp_path):
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    ended = gnt("instance", "list")
    assert ended.status == EXIT_NOT_CLUSTER
    assert ended.errors.startswith("Cluster not initialized")


def test_a_reader_that_goes_away_is_no_error(served):
    """As in ``gnt-instance list-fields | head -1``."""
    script = "import sys; from ganeti.cli.script import run; sys.exit(run('gnt-instance', ['list-fields']))"
    environment = {ROOT_VARIABLE: str(served[1]), "PYTHONPATH": ":".join(sys.path)}
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run(
        [sys.executable, "-c", script],
        stdout=write_end,
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
        check=False,
    )
    os.close(write_end)
    assert done.stderr == ""
