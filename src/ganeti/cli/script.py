# SPDX-License-Identifier: BSD-2-Clause
"""The ``gnt-*`` scripts: find the command, parse its options, run it, explain errors."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial

from ganeti import VERSION
from ganeti.cli.commands import find
from ganeti.cli.failures import ended
from ganeti.cli.options import Given, build, parse, read_files, take_arguments
from ganeti.cli.runnable import Local, OperationCommand, Runnable, confirmed, help_of, options_of, parameters_from
from ganeti.cli.session import Session
from ganeti.errors import EXIT_FAILURE, WrongInput


def run(script: str, words: Sequence[str]) -> int:
    """Run a command line; its exit status. Errors are explained on standard error."""
    return ended(script, words, partial(_run, script))


def _run(script: str, words: Sequence[str]) -> int:
    if words and words[0] in ("--version", "-V"):
        print(f"{script} (ganeti {VERSION}) {VERSION}")  # noqa: T201 - asked for
        return 0
    runnable = find(script, words[0]) if words else None
    if runnable is None:
        asked = bool(words) and words[0] in ("--help", "-h")
        if words and not asked:
            from ganeti.cli.not_yet import told  # noqa: PLC0415 - only when something is wrong

            print(told(script, words[0]) + "\n", file=sys.stderr)  # noqa: T201 - for the user
        print(_overview(script), file=sys.stdout if asked else sys.stderr)
        return 0 if asked else EXIT_FAILURE
    command, options = runnable.command, options_of(runnable)
    parser = build(f"{script} {command.name}", command.usage, help_of(runnable), options, runs=command.runs)
    given = parse(parser, options, words[1:])
    if given.problems:
        parser.error("\n".join([*given.problems.lines, *_also_wrong(runnable, given)]))
    rest, values = given.arguments, given.values
    session = Session(script, command.name, values)
    if not isinstance(runnable, Local) and command.per_instance:
        from ganeti.cli.per_instance import run_for_instances  # noqa: PLC0415 - lists follow nothing

        return run_for_instances(session, runnable, rest)
    values |= take_arguments(command.name, command.arguments, rest) | read_files(options, values)
    if isinstance(runnable, Local):
        return runnable.run(session, values)
    return _read_operation(session, runnable) if command.at_once else _run_operation(session, runnable)


def _also_wrong(runnable: Runnable, given: Given) -> list[str]:
    """The errors that the master daemon would report for the valid options."""
    if isinstance(runnable, Local):
        return []
    named = {argument.name: argument.name for argument in runnable.command.arguments}
    subject = {"instance_name": "instance"} if runnable.command.per_instance else {}
    from ganeti.declare.decode import decode  # noqa: PLC0415 - only when something is wrong

    try:
        parameters = parameters_from(runnable, {**given.values, **named, **subject})
        decode({"OP_ID": runnable.operation.wire_name(), **parameters}, runnable.operation, "")
    except WrongInput as error:
        lines = error.message.splitlines()
        return [line for line in lines if not any(f"parameter '{name}' is missing" in line for name in given.wrong)]
    return []


def _read_operation(session: Session, runnable: OperationCommand) -> int:
    """Print the results of an operation, one per line."""
    found = session.read(runnable.operation.wire_name(), **parameters_from(runnable, session.values))
    for line in found:
        session.say(" ".join(map(str, line)) if isinstance(line, list) else str(line))
    return 0 if found else runnable.command.if_empty


def _run_operation(session: Session, runnable: OperationCommand) -> int:
    from ganeti.cli import follow  # noqa: PLC0415 - lists follow nothing

    if not confirmed(session, runnable.command):
        return EXIT_FAILURE
    follow.run(session, runnable.operation.wire_name(), parameters_from(runnable, session.values))
    return 0


def _overview(script: str) -> str:
    """From the table for the shell: to look into each command's declaration takes more than half of the time."""
    import json  # noqa: PLC0415 - only for the overview
    import textwrap  # noqa: PLC0415 - likewise

    from ganeti.cli.completion.answer import TABLE  # noqa: PLC0415 - likewise

    commands = json.loads(TABLE.read_text())[script]["commands"]
    width = max(map(len, commands))
    lines = [
        f"Usage: {script} {{command}} [options...] [argument...]",
        f"{script} <command> --help to see details",
        "",
        "Commands:",
    ]
    for name, command in sorted(commands.items()):
        first, *more = textwrap.wrap(command["told"], 80 - width - 4)
        lines.append(f" {name.ljust(width)} - {first}")
        lines += [" " * (width + 4) + line for line in more]
    return "\n".join(lines)
