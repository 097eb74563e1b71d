# SPDX-License-Identifier: BSD-2-Clause
"""Whatever is typed ends in a sentence and a status: command lines by a seed, from all commands' declarations."""

import io
import random
from dataclasses import replace

from ganeti.cli.commands import COMMANDS, find
from ganeti.cli.options import ALWAYS
from ganeti.cli.runnable import Local, options_of
from ganeti.errors import WrongState

SEED = 8
LINES_OF_A_COMMAND = 40
# They change this machine before they ask a master, or go on until they are interrupted.
ON_THIS_MACHINE = {"init", "destroy", "master-failover", "add", "join", "invite", "console", "locks", "queue"}
WORDS = [
    "", " ", "-", "--", "-1", "0", "1", "2", "99999999999999999999", "1e400", "nan", "²", "0x10", "1.5", "3m", "64",
    "99999999999999999999g", "10t", "web1", "WEB1", "web*", "web1,db1", "node1", "node2", "node1:node2", "default",
    "none", "auto", "yes", "no", "/", "/nowhere", "-", "@", "%s", "%(x)s", "{}", "{x}", "[", "(", "a=b", "a=", "=", ",",
    "0:size=1g", "0:size=99999999999999999999", "-1:add", "add:size=1", "0:mac=x", "kvm", "kvm:a=b", "fake",
    "n" * 235, "n" * 5000, "a.b." * 80, "\n", "\x1b[31m", "ü", "\udce9", "\U0001f600", "name == 1",
    "name =~ m/(/", "((((", "status", "name,nosuch", "+tags", "success", "high", "OP_NODE_QUERY",
]  # fmt: skip


def command_lines():
    chance = random.Random(SEED)
    for script, names in COMMANDS.items():
        for name in names:
            options = [option for option in (*options_of(find(script, name)), *ALWAYS) if "--debug" not in option.flags]
            for _ in range(LINES_OF_A_COMMAND):
                yield script, [name, *some_words(chance, [flag for option in options for flag in option.flags])]


def some_words(chance, flags):
    for _ in range(chance.randint(0, 5)):
        flag, word = chance.choice(flags or WORDS), chance.choice(WORDS)
        shape = chance.random()
        if shape < 0.4:
            yield word
        elif shape < 0.6:
            yield flag
        elif shape < 0.8 and flag.startswith("--"):
            yield f"{flag}={word}"
        else:
            yield from (flag, word)


def elsewhere(session, values):
    raise WrongState("Not on this machine")


def found(script, name):
    """The command, without what it would do to this machine."""
    runnable = find(script, name)
    return replace(runnable, run=elsewhere) if name in ON_THIS_MACHINE and isinstance(runnable, Local) else runnable


def test_whatever_is_typed_ends_in_a_sentence_and_a_status(gnt, monkeypatch):
    gnt("cluster", "queue", "drain")  # jobs are refused, once they have been looked at
    monkeypatch.setattr("ganeti.cli.script.find", found)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
    wrong = []
    for script, words in command_lines():
        ended = gnt(script.removeprefix("gnt-"), *words)
        told = ended.output + ended.errors
        if "error in the program" in told or "Traceback" in told:
            wrong.append((script, words, ended.errors))
    monkeypatch.undo()
    gnt("cluster", "queue", "undrain")
    assert wrong == []
