# SPDX-License-Identifier: BSD-2-Clause
"""Running external commands."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ganeti.errors import EnvironmentUnfit, ExecutionFailed

CLEAN_ENVIRONMENT = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C.UTF-8",
    "HOME": "/root",
    # Under uvloop commands inherit the pipes of their own output a second time; LVM prints a warning for each.
    "LVM_SUPPRESS_FD_WARNINGS": "1",
}

# Seconds for a killed command to end.
_KILLED = 5.0
# Seconds for a command's last output to arrive, once it has ended.
_LAST_LINES = 5.0
# Maximum bytes of an incomplete line that are buffered.
_LONGEST_LINE = 65536


@dataclass(frozen=True, slots=True)
class Finished:
    """A command that has ended. ``status`` is negative if a signal ended it."""

    command: tuple[str, ...]
    status: int
    output: str
    errors: str

    @property
    def failed(self) -> bool:
        return self.status != 0

    @property
    def ended(self) -> str:
        """How it ended, as text."""
        return f"signal {-self.status}" if self.status < 0 else f"status {self.status}"

    def why(self) -> str:
        """The last output of a failed command, in one line."""
        told = (self.errors.strip() or self.output.strip()).splitlines()[-3:]
        return f"'{shlex.join(self.command)}' ended with {self.ended}" + (f": {'; '.join(told)}" if told else "")


async def run(
    *command: str | Path,
    timeout: float = 60,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
    standard_input: bytes | IO[bytes] | None = None,
    log: Path | None = None,
    most: int | None = None,
) -> Finished:
    """Run a command in a session of its own and wait; after ``timeout`` seconds its whole process group is killed.

    ``log``: where output and errors go instead of being kept. ``most``: maximum bytes of each, beyond which it is
    killed. Raises EnvironmentUnfit if it cannot be run, ExecutionFailed if it took too long or printed too much; a
    failing status raises nothing.
    """
    words = tuple(str(word) for word in command)
    sink = log.open("ab") if log else None
    try:
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=_source(standard_input),
            stdout=sink or asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT if sink else asyncio.subprocess.PIPE,
            env={**CLEAN_ENVIRONMENT, **(environment or {})},
            cwd=directory,
            start_new_session=True,
        )
    except FileNotFoundError:
        raise EnvironmentUnfit(f"The program '{words[0]}' is not installed on this machine") from None
    except OSError as error:
        raise EnvironmentUnfit(f"The program '{words[0]}' cannot be run: {error.strerror}") from None
    finally:
        if sink:
            sink.close()
    try:
        async with asyncio.timeout(timeout):
            given = standard_input if isinstance(standard_input, bytes) else None
            _, (output, errors) = await asyncio.gather(_feed(process.stdin, given), _collected(process, most))
    except TimeoutError:
        raise ExecutionFailed(f"'{shlex.join(words)}' did not finish within {timeout:.0f} seconds") from None
    except _TooMuch:
        raise ExecutionFailed(f"'{shlex.join(words)}' printed more than {most} bytes, and was killed") from None
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await _gone(process)
    status = process.returncode if process.returncode is not None else -1
    return Finished(words, status, output.decode(errors="replace"), errors.decode(errors="replace"))


def processes() -> Iterator[Path]:
    """The directories of all processes in proc(5); a process may end meanwhile."""
    return (path for path in Path("/proc").iterdir() if path.name.isdecimal())


class _TooMuch(Exception):
    """A command's output exceeds the limit."""


def _source(standard_input: bytes | IO[bytes] | None) -> int | IO[bytes]:
    if standard_input is None:
        return asyncio.subprocess.DEVNULL
    return asyncio.subprocess.PIPE if isinstance(standard_input, bytes) else standard_input


async def _collected(process: asyncio.subprocess.Process, most: int | None) -> tuple[bytes, bytes]:
    """Its standard output and error, when it has ended. Raises _TooMuch."""

    async def read(stream: asyncio.StreamReader | None) -> bytes:
        content = bytearray()
        while stream and (piece := await stream.read(65536)):
            content += piece
            if most is not None and len(content) > most:
                raise _TooMuch
        return bytes(content)

    reading = [asyncio.ensure_future(read(stream)) for stream in (process.stdout, process.stderr)]
    try:
        output, errors = await asyncio.gather(*reading)
        await process.wait()
    finally:
        for task in reading:
            task.cancel()
    return output, errors


async def _feed(stream: asyncio.StreamWriter | None, given: bytes | None) -> None:
    """Write standard input.

    A command that ends without reading it explains that itself; uvloop raises RuntimeError then.
    """
    with suppress(OSError, RuntimeError):
        if stream and given is not None:
            stream.write(given)
            await stream.drain()
            stream.close()


async def _gone(process: asyncio.subprocess.Process) -> None:
    """Wait for the end of a killed process, but not for one stuck in the kernel, for example on a hanging disk."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_KILLED):
            await process.wait()


async def follow(
    *command: str | Path,
    told: Callable[[str], None],
    timeout: float,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
    standard_input: IO[bytes] | None = None,
    standard_output: IO[bytes] | None = None,
    answered: Callable[[str], None] | None = None,
    descriptors: Sequence[int] = (),
    keeps_children: bool = False,
) -> int:
    """Run a command and pass on each line of its output and errors immediately; returns its status.

    ``standard_output``, or line by line ``answered``: where its output goes instead; errors still go to ``told``.
    ``descriptors`` are inherited. Background processes are killed with it, unless ``keeps_children`` is
    set and it ends by itself. Raises what ``run`` raises.
    """
    words = tuple(str(word) for word in command)
    async with AsyncExitStack() as pipes:
        pipe = await pipes.enter_async_context(_lines_to(told))
        answers = await pipes.enter_async_context(_lines_to(answered)) if answered else pipe
        try:
            process = await asyncio.create_subprocess_exec(
                *words,
                stdin=standard_input or asyncio.subprocess.DEVNULL,
                stdout=standard_output or answers,
                stderr=pipe,
                env={**CLEAN_ENVIRONMENT, **(environment or {})},
                cwd=directory,
                start_new_session=True,
                pass_fds=descriptors,
            )
        except OSError as error:
            raise EnvironmentUnfit(f"The program '{words[0]}' cannot be run: {error.strerror}") from None
        finally:
            for end in {pipe, answers}:
                os.close(end)
        try:
            async with asyncio.timeout(timeout):
                return await process.wait()
        except TimeoutError:
            raise ExecutionFailed(f"'{words[0]}' did not finish within {timeout:.0f} seconds") from None
        finally:
            if process.returncode is None or not keeps_children:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


@asynccontextmanager
async def _lines_to(told: Callable[[str], None]) -> AsyncIterator[int]:
    """The write end of a pipe, to be closed by the body. At the end all lines have been passed on."""
    reading, writing = os.pipe()
    loop = asyncio.get_running_loop()
    stream = asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(reading, "rb"))
    task = asyncio.create_task(_tell_lines(stream, told))
    try:
        yield writing
        await asyncio.wait([task], timeout=_LAST_LINES)
    finally:
        task.cancel()
        transport.close()


async def _tell_lines(stream: asyncio.StreamReader, told: Callable[[str], None]) -> None:
    """A carriage return ends a line too, as in progress bars; a very long line is passed on in pieces."""
    rest = b""
    while piece := await stream.read(65536):
        *lines, rest = re.split(rb"[\r\n]+", rest + piece)
        if len(rest) > _LONGEST_LINE:
            lines, rest = [*lines, rest], b""
        for line in lines:
            told(line.decode(errors="replace"))
    if rest:
        told(rest.decode(errors="replace"))


def tail(path: Path, lines: int = 5) -> str:
    """The last lines of a log file, for an error message."""
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


def alive(pid: int, *, named: Sequence[str] = ()) -> bool:
    """Whether a process is alive, and its command line contains every word of ``named``."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return words != [b""] and all(word.encode() in words for word in named)


async def until(condition: Callable[[], bool], *, timeout: float, interval: float = 0.02) -> bool:
    """Poll until a condition is true; whether it became true within ``timeout`` seconds."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    while not condition():
        if loop.time() >= deadline:
            return False
        await asyncio.sleep(interval)
    return True
