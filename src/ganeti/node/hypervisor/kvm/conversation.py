# SPDX-License-Identifier: BSD-2-Clause
"""Asks a QEMU without a guest what it can do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import msgspec

from ganeti.errors import EnvironmentUnfit
from ganeti.host.process import run

_TIME = 20.0  # seconds for QEMU to report its capabilities


async def converse(program: Path, accelerator: str, questions: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The answers by the ``id`` of the questions, which are commands of QMP.

    Raises EnvironmentUnfit if it fails or is not QEMU; ExecutionFailed if it hangs. It answers into
    a file: what a pipe does not take at once is lost when QEMU quits (seen with 7.2).
    """
    machine = ("-no-user-config", "-nodefaults", "-display", "none", "-machine", "none", "-accel", accelerator)
    asked = ({"execute": "qmp_capabilities"}, *questions, {"execute": "quit"})
    given = b"\n".join(msgspec.json.encode(question) for question in asked)
    with NamedTemporaryFile(prefix="qemu-") as told:
        log = Path(told.name)
        ended = await run(program, *machine, "-S", "-qmp", "stdio", standard_input=given, log=log, timeout=_TIME)
        said = log.read_bytes()
    if ended.failed:
        ended = replace(ended, output=said.decode(errors="replace"))
        raise EnvironmentUnfit(f"Parameter 'kvm_path': {program} does not tell what it can do: {ended.why()}")
    try:
        # Warnings are there too.
        messages = [msgspec.json.decode(line, type=dict[str, Any]) for line in said.splitlines() if line[:1] == b"{"]
    except msgspec.MsgspecError:
        raise EnvironmentUnfit(f"Parameter 'kvm_path': {program} is not QEMU: it does not answer as one does") from None
    return {str(message["id"]): message.get("return") for message in messages if "id" in message}
