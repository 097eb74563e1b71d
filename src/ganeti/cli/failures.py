# SPDX-License-Identifier: BSD-2-Clause
"""Errors of a command as a sentence and an exit status: one place for all scripts and tools."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TextIO

from ganeti.errors import (
    EXIT_FAILURE,
    CheckFailed,
    CommandLineError,
    ExecutionFailed,
    GanetiError,
    NodeCallFailed,
    NotInitialised,
    NotMaster,
)

_ABORTED = (
    "Aborted. Note that if the operation created any jobs, they might have been submitted "
    "and will continue to run in the background."
)


_COLUMNS = 80


def explained(error: GanetiError) -> str:
    """An error in the commands' traditional form."""
    if isinstance(error, NotMaster | NotInitialised | CommandLineError):
        return error.message
    if isinstance(error, CheckFailed):
        what = f"error type: {error.code}, error details:\n{error.message}"
        return f"Failure: prerequisites not met for this operation:\n{what}"
    if isinstance(error, ExecutionFailed | NodeCallFailed):
        return f"Failure: command execution error:\n{error.message}"
    return error.message


def ended(
    program: str,
    words: Sequence[str],
    work: Callable[[Sequence[str]], int],
    explain: Callable[[GanetiError], str] = explained,
    aborted: str = _ABORTED,
) -> int:
    """The exit status of ``work(words)``; errors are explained on standard error.

    ``aborted``: the message for an interruption that does not itself say what happened to started work.
    """
    try:
        _ensure_readable(words)
        status = _status(work, words)
        sys.stdout.flush()
        return status
    except GanetiError as error:
        _complain(explain(error))
        return error.exit_status
    except KeyboardInterrupt as interruption:
        _complain(str(interruption) or aborted)
    except BrokenPipeError:
        _give_up_output()  # the reader has closed the pipe
    except OSError as error:
        if error.filename is None:
            _give_up_output()
        _complain(f"{program}: {_reason(error)}")
    except Exception as error:
        if {"-d", "--debug"} & set(words):
            raise
        _complain(f"{program}: an error in the program: {type(error).__name__}: {error}; --debug shows where")
    return EXIT_FAILURE


def _status(work: Callable[[Sequence[str]], int], words: Sequence[str]) -> int:
    try:
        return work(words)
    except SystemExit as end:  # how argparse ends after --help
        return end.code if isinstance(end.code, int) else 0


def _ensure_readable(words: Sequence[str]) -> None:
    for word in words:
        try:
            word.encode()
        except UnicodeEncodeError:
            shown = os.fsencode(word).decode(errors="backslashreplace")
            raise CommandLineError(f"The argument '{shown}' is not a text in UTF-8") from None


def _reason(error: OSError) -> str:
    if error.filename is None:  # errors of files have names, and those of sockets explain themselves
        return f"the output cannot be written: {error.strerror}"
    told = f"{error.filename}: {error.strerror}"
    as_root = error.errno in (errno.EACCES, errno.EPERM) and os.geteuid() != 0
    return f"{told}; this has to be run as root" if as_root else told


def for_reading(text: str, stream: TextIO | None = None) -> str:
    """A message for standard error, or ``stream``: at a terminal in lines of 80 columns, broken between words.

    Elsewhere it is as it is.
    """
    if not (stream or sys.stderr).isatty():
        return text
    import textwrap  # noqa: PLC0415 - only at a terminal
    from shutil import get_terminal_size  # noqa: PLC0415 - likewise

    width = min(_COLUMNS, get_terminal_size().columns or _COLUMNS)

    def folded(line: str) -> str:
        words = line.lstrip()
        indent = line[: len(line) - len(words)]
        return textwrap.fill(
            words,
            width,
            initial_indent=indent,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )

    return "\n".join(line if len(line) <= width else folded(line) for line in text.split("\n"))


def _complain(text: str) -> None:
    """On standard error, after what was printed so far; if that can't be written, it is ignored."""
    try:
        sys.stdout.flush()
    except OSError:
        _give_up_output()
    with suppress(OSError):
        print(for_reading(text), file=sys.stderr)  # noqa: T201 - for the user
        sys.stderr.flush()


def _give_up_output() -> None:
    """Nothing more must be written when Python ends."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
