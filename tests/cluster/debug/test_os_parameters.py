# SPDX-License-Identifier: BSD-2-Clause
"""Taking secret OS parameters."""

import pytest

from ganeti import errors


async def test_the_names_are_told_and_the_values_are_nowhere(cluster):
    number = await cluster.submit("OP_TEST_OS_PARAMS", osparams_secret={"password": "hunter2", "pin": 4711})
    await cluster.finished(number)
    assert cluster.log(number) == ["Secret OS parameters: password, pin; their values are not shown"]
    shown = str(await cluster.call("QueryJobs", [number], ["ops", "opresult", "oplog", "summary"]))
    assert "hunter2" not in shown
    assert "4711" not in shown


async def test_without_any_it_says_so(cluster):
    assert await cluster.run("OP_TEST_OS_PARAMS") is None


async def test_what_are_no_parameters_is_refused(cluster):
    with pytest.raises(errors.WrongInput, match="osparams_secret"):
        await cluster.run("OP_TEST_OS_PARAMS", osparams_secret=["password"])
