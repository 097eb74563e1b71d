# SPDX-License-Identifier: BSD-2-Clause
"""Running a tool: its exit status, and one line about what went wrong."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

from ganeti.cli.htools.options import warn
from ganeti.errors import EXIT_FAILURE, CommandLineError, GanetiError


def run(main: Callable[[Sequence[str]], int], words: Sequence[str] | None) -> int:
    """The exit status of ``main(words)``, words of the command line if None."""
    try:
        return main(sys.argv[1:] if words is None else words)
    except CommandLineError as error:
        warn(error.message)
        return error.exit_status
    except GanetiError as error:
        warn(error.message if error.message.startswith("Error") else f"Error: {error.message}")
        return EXIT_FAILURE
    except KeyboardInterrupt:
        warn("Interrupted.")
        return EXIT_FAILURE
    except BrokenPipeError:
        # Whoever read the output has seen enough; nothing more must be written when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILURE
