# SPDX-License-Identifier: BSD-2-Clause
"""What completes command lines of the htools."""

import pytest

from ganeti.cli.htools import hail, hbal_options, hcheck, hscan, hspace


def completion(tool, capsys):
    with pytest.raises(SystemExit) as ended:
        tool.command_line().parse_args(["--help-completion"])
    assert not ended.value.code
    return capsys.readouterr().out.splitlines()


def test_each_option_is_a_line_with_its_kind(capsys):
    said = completion(hbal_options, capsys)
    expected = {
        "-E,--evac-mode none",
        "-t,--text-data file",
        "-m,--master host",
        "-G,--group onegroup",
        "-O,--offline onenode",
        "-l,--max-length integer",
        "--max-cpu float",
        "--select-instances manyinstances",
        "--exclusion-tags string",
        "--mond choices=yes,no",
    }
    assert expected <= set(said)


def test_arguments_come_last_with_the_least_and_the_most_of_them(capsys):
    assert completion(hail, capsys)[-1] == "file 1 1"
    assert completion(hscan, capsys)[-1] == "host 0 none"
    assert completion(hspace, capsys)[-1].startswith("-")


@pytest.mark.parametrize("words", [["-G", "default"], ["-X"], ["-C"], ["-S", "file"], ["--plan"]])
def test_hcheck_refuses_options_that_it_would_not_heed(words, capsys):
    assert hcheck.main(words) == 2
    assert f"unrecognized option `{words[0]}'" in capsys.readouterr().err
