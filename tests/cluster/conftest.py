# SPDX-License-Identifier: BSD-2-Clause
"""A running cluster for each test."""

import pytest

from tests.cluster.paper import running


@pytest.fixture
async def cluster(tmp_path):
    async with running(tmp_path) as made:
        yield made
