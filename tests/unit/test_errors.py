# SPDX-License-Identifier: BSD-2-Clause
"""Errors cross process boundaries and are the same on the other side."""

import pytest

from ganeti import errors


@pytest.mark.parametrize("cls", errors._tree(errors.GanetiError))
def test_every_error_arrives_as_what_it_was(cls):
    arrived = errors.decode(errors.encode(cls("what happened")))
    assert (type(arrived), arrived.message) == (cls, "what happened")


def test_an_error_that_nobody_thought_of_arrives_with_its_name():
    assert errors.decode(errors.encode(ZeroDivisionError("oops"))).message == "ZeroDivisionError: oops"


@pytest.mark.parametrize("garbage", [None, 3, [], ["x"], {"a": 1}, ["OpPrereqError", "text"]])
def test_what_is_no_error_is_still_told(garbage):
    assert errors.decode(garbage).message
