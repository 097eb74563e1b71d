# SPDX-License-Identifier: BSD-2-Clause
"""Pools of user IDs."""

import pytest

from ganeti.errors import WrongInput
from ganeti.model.user_ids import ordered, parse_pool, spelled, without

POOL = ((4000, 4019), (5000, 5000))


def test_a_pool_is_read_as_it_is_written():
    assert parse_pool("4000-4019,5000", "--uid-pool") == list(POOL)
    assert spelled(POOL) == "4000-4019,5000"
    assert spelled(POOL, "\n") == "4000-4019\n5000"
    assert parse_pool("", "--uid-pool") == []


@pytest.mark.parametrize("text", ["4000-", "-5", "a", "1-2-3", "4000-4019;5000", "99999999999", "²"])
def test_what_is_no_range_is_told(text):
    with pytest.raises(WrongInput, match=r"--uid-pool: '.*' is not a range of user IDs; write 4000-4019"):
        parse_pool(text, "--uid-pool")


def test_ranges_that_touch_become_one():
    assert ordered([(10, 12), (1, 3), (13, 20), (2, 5)], "x") == ((1, 5), (10, 20))


@pytest.mark.parametrize("wrong", [(0, 5), (7, 6), (1, 2**32 - 1)])
def test_root_nobody_and_what_ends_before_it_begins_are_for_no_guest(wrong):
    with pytest.raises(WrongInput, match=rf"{wrong[0]}-{wrong[1]} is not a range of user IDs for guests"):
        ordered([(1, 3), wrong], "Parameter 'uid_pool'")


def test_what_is_taken_out_leaves_what_is_around_it():
    assert without(POOL, [(4005, 4009), (5000, 5000)], "x") == ((4000, 4004), (4010, 4019))


def test_what_is_not_in_a_pool_cannot_be_taken_out():
    with pytest.raises(WrongInput, match="4010-4020 is not in the pool, which is 4000-4019,5000"):
        without(POOL, [(4010, 4020)], "Parameter 'remove_uids'")
