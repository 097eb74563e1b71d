# SPDX-License-Identifier: BSD-2-Clause
"""What ``./run demo`` shows is proven at every run of the tests."""

import io
import time

from rich.console import Console

from ganeti.lab.demo import perform
from ganeti.lab.steps import STEPS, Stage


def test_every_step_of_the_demo_is_proven(lab):
    told = io.StringIO()
    outcomes = perform(Stage(lab), STEPS, Console(file=told), time.monotonic())
    assert all(outcome.proven for outcome in outcomes), told.getvalue()
    assert len(outcomes) == len(STEPS)
