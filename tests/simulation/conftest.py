# SPDX-License-Identifier: BSD-2-Clause
"""What an invariant says when it does not hold is as full as in a test."""

import pytest

pytest.register_assert_rewrite("tests.simulation.invariants")
