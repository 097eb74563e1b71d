# SPDX-License-Identifier: BSD-2-Clause
"""Where the console of an instance is."""

import pytest

from ganeti import errors


async def test_a_console_is_that_of_a_running_guest(cluster):
    await cluster.add("web1")
    access = await cluster.call("Read", {"OP_ID": "OP_INSTANCE_CONSOLE", "instance_name": "web1"})
    assert (access["instance"], access["kind"]) == ("web1", "msg")
    await cluster.run("OP_INSTANCE_SHUTDOWN", instance_name="web1")
    with pytest.raises(errors.WrongState, match="not running, so it has no console"):
        await cluster.run("OP_INSTANCE_CONSOLE", instance_name="web1")
