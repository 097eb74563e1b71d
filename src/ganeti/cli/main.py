# SPDX-License-Identifier: BSD-2-Clause
"""The entry point of every script and tool. Light: the rest is imported when Ctrl-C can end it silently."""

from __future__ import annotations

import os
import sys
from types import TracebackType


def _begin(script: str) -> int:
    _ready()
    from ganeti.cli.script import run  # noqa: PLC0415 - see above

    return run(script, sys.argv[1:])


def _tool(name: str) -> int:
    _ready()
    from importlib import import_module  # noqa: PLC0415 - see above

    status: int = import_module(f"ganeti.cli.htools.{name}").main()
    return status


def _ready() -> None:
    sys.excepthook = _tell
    _open_streams()


def _tell(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """On an interrupt, let Python end the process by the signal, as shells expect."""
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)


def _open_streams() -> None:
    """Open standard streams that the caller has closed (``>&-``), and make them accept any character."""
    sys.stdin = sys.stdin or open(os.devnull)  # noqa: PTH123, SIM115 - as long as the process
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: PTH123, SIM115 - likewise
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: PTH123, SIM115 - likewise
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a real file


def gnt_backup() -> int:
    return _begin("gnt-backup")


def gnt_cluster() -> int:
    return _begin("gnt-cluster")


def gnt_node() -> int:
    return _begin("gnt-node")


def gnt_instance() -> int:
    return _begin("gnt-instance")


def gnt_group() -> int:
    return _begin("gnt-group")


def gnt_network() -> int:
    return _begin("gnt-network")


def gnt_os() -> int:
    return _begin("gnt-os")


def gnt_storage() -> int:
    return _begin("gnt-storage")


def gnt_filter() -> int:
    return _begin("gnt-filter")


def gnt_job() -> int:
    return _begin("gnt-job")


def gnt_debug() -> int:
    return _begin("gnt-debug")


def ganeti_watcher() -> int:
    _ready()
    from ganeti.cli.ganeti_watcher import main  # noqa: PLC0415 - see above

    return main()


def ganeti_cleaner() -> int:
    _ready()
    from ganeti.cli.ganeti_cleaner import main  # noqa: PLC0415 - see above

    return main()


def move_instance() -> int:
    _ready()
    from ganeti.cli.move_instance.main import main  # noqa: PLC0415 - see above

    return main()


def hail() -> int:
    return _tool("hail")


def hbal() -> int:
    return _tool("hbal")


def hcheck() -> int:
    return _tool("hcheck")


def hinfo() -> int:
    return _tool("hinfo")


def hroller() -> int:
    return _tool("hroller")


def hscan() -> int:
    return _tool("hscan")


def hspace() -> int:
    return _tool("hspace")


def hsqueeze() -> int:
    return _tool("hsqueeze")


def harep() -> int:
    return _tool("harep")
