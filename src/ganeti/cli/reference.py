# SPDX-License-Identifier: BSD-2-Clause
"""The reference pages, derived from the declarations: ``python -m ganeti.cli.reference`` writes them.

They are kept in ``docs/user/reference``; a test compares them with what is derived.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from ganeti.cli import parameter_reference
from ganeti.cli.commands import ALIASES, COMMANDS, find
from ganeti.cli.options import value_of
from ganeti.cli.runnable import Runnable, help_of, options_of
from ganeti.declare.command import Option

_PARTS = {"1": "<{}>", "?": "[<{}>]", "*": "[<{}>...]", "+": "<{}>..."}


def pages() -> dict[str, str]:
    """The text of every page, by its name."""
    derived = {"operations": parameter_reference.operations(), "parameters": parameter_reference.parameters()}
    return {**{script: page(script) for script in COMMANDS}, **derived}


def page(script: str) -> str:
    """The page of a script, in Markdown."""
    lines = [f"# {script}", ""]
    for name in sorted(COMMANDS[script]):
        runnable = find(script, name)
        assert runnable is not None  # noqa: S101 - it is in the table
        lines += [*_section(script, name, runnable), ""]
    return "\n".join(lines)


def _section(script: str, name: str, runnable: Runnable) -> Iterator[str]:
    command = runnable.command
    arguments = " ".join(_PARTS[argument.count].format(argument.name) for argument in command.arguments)
    yield f"## {script} {name}"
    yield ""
    yield f"    {script} {name} {command.usage or '[options] ' + arguments}".rstrip()
    yield ""
    yield help_of(runnable)
    aliases = [alias for alias, of in ALIASES[script].items() if of == name]
    if aliases:
        yield ""
        yield f"Also called: {', '.join(aliases)}."
    yield ""
    if command.arguments:
        yield "| argument | meaning |"
        yield "| --- | --- |"
        for argument in command.arguments:
            yield f"| `{argument.name}` | {_cell(argument.help)} |"
        yield ""
    yield "| option | meaning |"
    yield "| --- | --- |"
    for option in options_of(runnable):
        if not option.hidden:
            yield f"| `{_cell(_flags(option))}` | {_cell(_meaning(option))} |"


def _flags(option: Option) -> str:
    flags = ", ".join(option.flags)
    if option.kind in ("flag", "no-flag", "count"):
        return flags
    return f"{flags} {value_of(option)}"


def _meaning(option: Option) -> str:
    return option.help + ("; may be given several times" if option.repeat and "several" not in option.help else "")


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


def main() -> int:
    """Write all pages below the directory that is named."""
    directory = Path(sys.argv[1] if sys.argv[1:] else "docs/user/reference")
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (directory / f"{name}.md").write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
