# SPDX-License-Identifier: BSD-2-Clause
"""What is no QEMU is told as such, with the parameter."""

import pytest

from ganeti.errors import EnvironmentUnfit
from ganeti.node.hypervisor.kvm.capabilities import Probe

ANSWERS = """{"QMP": {}}
{"return": {}, "id": "version"}
{"return": 5, "id": "machines"}"""


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "there is no QEMU at"),
        ("", "cannot be run: Exec format error"),
        ("#!/nowhere\n", "is not installed on this machine"),
        ("#!/bin/sh\necho no", "is not QEMU: it does not answer as one does"),
        ("#!/bin/sh\necho 5", "is not QEMU"),
        ("#!/bin/sh\ncat", "is not QEMU"),
        (f"#!/bin/sh\necho '{ANSWERS}'", "is not QEMU"),
        ("#!/bin/sh\necho what is that? >&2; exit 3", "does not tell what it can do: .* ended with status 3: what is"),
    ],
)
async def test_what_is_no_qemu_is_told_as_such(tmp_path, content, told):
    program = tmp_path / "qemu"
    if content is None:
        program.mkdir()
    else:
        program.write_text(content)
        program.chmod(0o755)
    with pytest.raises(EnvironmentUnfit, match=told) as caught:
        await Probe().ask(str(program))
    assert str(program) in caught.value.message
