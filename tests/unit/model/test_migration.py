# SPDX-License-Identifier: BSD-2-Clause
import pytest

from ganeti.model.migration import Forecast


def test_a_guest_that_changes_nothing_takes_one_pass():
    forecast = Forecast(memory=1024, changed=0, bandwidth=32, downtime=0.03)
    assert forecast.ends
    assert forecast.seconds == 32


def test_each_pass_sends_what_was_changed_during_the_one_before():
    forecast = Forecast(memory=1000, changed=50, bandwidth=100, downtime=0.03)
    assert forecast.seconds == pytest.approx(20, abs=0.1)  # 10 + 5 + 2.5 + ...


@pytest.mark.parametrize(("changed", "ends"), [(90, True), (96, False), (100, False), (1000, False)])
def test_who_changes_as_much_as_is_sent_does_not_get_away(changed, ends):
    assert Forecast(memory=1000, changed=changed, bandwidth=100, downtime=0.03).ends is ends


def test_what_fits_into_the_downtime_gets_away_whatever_it_changes():
    forecast = Forecast(memory=10, changed=1000, bandwidth=1000, downtime=0.03)
    assert forecast.ends
    assert forecast.seconds == pytest.approx(0.01)


def test_it_is_told_in_words():
    assert Forecast(memory=1024, changed=4, bandwidth=32, downtime=0.03).told() == (
        "about 37 seconds (1024 MiB of memory at up to 32 MiB/s, 4 MiB/s changed meanwhile); downtime at most 30 ms"
    )
