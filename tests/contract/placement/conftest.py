# SPDX-License-Identifier: BSD-2-Clause
import pytest

from benchmarks.oracle import NoOracle, find


@pytest.fixture(scope="session")
def oracle():
    """Ganeti's own htools."""
    try:
        return find()
    except NoOracle as missing:
        pytest.skip(str(missing))
