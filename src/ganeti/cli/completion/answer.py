# SPDX-License-Identifier: BSD-2-Clause
"""``ganeti-complete``: the program that a shell runs for completion.

bash runs what ``complete -C`` names with the command, the word before the cursor and the one before that as
arguments, and the whole line in ``COMP_LINE`` up to ``COMP_POINT`` (bash(1), "Programmable Completion"). zsh and
fish are configured to do the same. Each printed line is one completion; a complete word ends in a blank.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ganeti.cli.completion import known
from ganeti.host.paths import Paths

TABLE = Path(__file__).with_name("table.json")
_HELP = ("-h", "--help")
# The set-up for each shell, with the names of commands in place of {}.
_SHELLS = {
    "--bash": "complete -o nospace -C ganeti-complete {}",
    "--zsh": (
        'ganeti_found() { COMP_LINE="${(j: :)words[1,CURRENT-1]} $PREFIX" ganeti-complete "$words[1]" "$PREFIX" }\n'
        """_ganeti() { local -a found; found=(${(f)"$(ganeti_found)"}); compadd -Q -S '' -a found }\n"""
        "compdef _ganeti {}"
    ),
    "--fish": (
        "for command in {}\n"
        "    complete --command $command --no-files --arguments '(env COMP_LINE=(commandline -cp | string collect)"
        " ganeti-complete (commandline -cpo)[1] (commandline -ct) | string trim --right)'\n"
        "end"
    ),
}
_NOTHING: dict[str, Any] = {"options": {}, "arguments": []}


def main() -> int:
    """Answer a shell, or with ``--bash`` and the like print its set-up."""
    if sys.argv[1:] and sys.argv[1] in _SHELLS:
        print(setup(sys.argv[1]))  # noqa: T201 - asked for
        return 0
    if "COMP_LINE" not in os.environ or not sys.argv[1:]:
        told = 'A shell runs this at the tab key, after: eval "$(ganeti-complete --bash)", or --zsh, or --fish'
        print(told, file=sys.stderr)  # noqa: T201 - for the user
        return 2
    line = os.environ["COMP_LINE"]
    script, word = Path(sys.argv[1]).name, sys.argv[2] if sys.argv[2:] else ""
    table = json.loads(TABLE.read_text())
    for found in answers(table, script, line[: int(os.environ.get("COMP_POINT", len(line)))], word):
        print(found)  # noqa: T201 - the answer
    return 0


def setup(shell: str = "--bash") -> str:
    """The code that a shell runs to set up completion."""
    return _SHELLS[shell].replace("{}", " ".join(sorted(json.loads(TABLE.read_text()))))


def answers(table: dict[str, Any], script: str, line: str, word: str) -> list[str]:
    """Completions of ``word``. It ends ``line``, but the shell treats ``=`` and ``:`` as word breaks."""
    words = line.split()[1:]
    begun = words.pop() if words and not line[-1:].isspace() else ""
    kept = begun.removesuffix(word) if begun.endswith(word) else ""
    found = Completion(table.get(script, _NOTHING), words, begun).found()
    return sorted({text[len(kept) :] for text in found if text.startswith(begun) and text.strip() != ""})


class Completion:
    """A command line up to the word that is being typed."""

    def __init__(self, script: dict[str, Any], words: Sequence[str], begun: str) -> None:
        self._script = script
        self._words = list(words)
        self._begun = begun

    def found(self) -> Iterable[str]:
        """All completions, each as the whole word."""
        if "commands" not in self._script:
            return self._in_command(self._script, self._words)
        if not self._words:
            return [f"{name} " for name in (*self._script["commands"], *self._script["aliases"], *_HELP, "--version")]
        name, *rest = self._words
        command = self._script["commands"].get(self._script["aliases"].get(name, name), _NOTHING)
        return self._in_command(command, rest)

    def _in_command(self, command: dict[str, Any], words: list[str]) -> Iterable[str]:
        options, arguments = command["options"], command["arguments"]
        awaited, given = None, 0
        for word in words:
            if awaited is not None:
                awaited = None
            elif word.startswith("-"):
                awaited = options.get(word)
                arguments = _turned(command, word) or arguments
            else:
                given += 1
        if awaited is not None:
            return self._values(awaited, self._begun)
        flag, equals, typed = self._begun.partition("=")
        if equals and options.get(flag) is not None:
            return [f"{flag}={value}" for value in self._values(options[flag], typed)]
        if self._begun.startswith("-"):
            return [f"{flag} " for flag in (*options, *_HELP)]
        if given < len(arguments) or (arguments and command.get("endless")):
            return self._values(arguments[min(given, len(arguments) - 1)], self._begun)
        return [] if self._begun else [f"{flag} " for flag in options if flag.startswith("--")]

    def _values(self, values: dict[str, Any], typed: str) -> Iterable[str]:
        """Possible values; ``typed``: the part typed so far."""
        words, separator = values.get("words", []), values.get("separator")
        ident, colon, typed_behind = typed.partition(":")
        if behind := values.get("behind"):
            if not colon:
                return [f"{name}:" for name in behind if name]
            words, head = behind.get(ident) or behind.get("", []), f"{ident}:"
        else:
            head, typed_behind = "", typed
        if "names" in values:
            words = known.names(values["names"], Paths.from_environment(), typed)
        if separator is None:
            return [word if word.endswith(("=", "/")) else f"{word} " for word in words]
        before, last = _split(typed_behind, separator)
        return [f"{head}{before}{word}" for word in words if _fits(word, before, last, separator)]


def _turned(command: dict[str, Any], flag: str) -> list[dict[str, Any]] | None:
    """The arguments as changed by a flag."""
    turned = command.get("turned", {})
    return [turned[flag]] if flag in turned else None


def _split(typed: str, separator: str) -> tuple[str, str]:
    """The complete part of a list, with the separator (or the ``+`` of ``-o +name``), and the part being typed."""
    before, between, last = typed.rpartition(separator)
    if not between and typed.startswith("+"):
        return "+", typed[1:]
    return before + between, last


def _fits(word: str, before: str, last: str, separator: str) -> bool:
    said = {part.partition("=")[0] for part in before.removeprefix("+").split(separator)}
    return word.startswith(last) and word.removesuffix("=") not in said


if __name__ == "__main__":
    sys.exit(main())
