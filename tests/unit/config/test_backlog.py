# SPDX-License-Identifier: BSD-2-Clause
"""What is kept for replicas that fell behind is enough or nothing, and has a limit."""

import msgspec

from ganeti.config import backlog
from ganeti.config.backlog import Backlog
from ganeti.rpc.contract.store import Batch, Record


def batch(revision, size=2):
    body = msgspec.Raw(b"1" * size)
    return Batch(revision=revision, records=(Record("job", str(revision), body),))


def filled(*batches):
    kept = Backlog()
    for one in batches:
        kept.add(one)
    return kept


def test_what_is_missing_is_given_or_nothing():
    kept = filled(*map(batch, range(5, 9)))
    assert [one.revision for one in kept.since(6)] == [7, 8]
    assert [one.revision for one in kept.since(4)] == [5, 6, 7, 8]
    assert kept.since(3) is None
    assert kept.since(8) is None
    assert Backlog().since(0) is None


def test_the_oldest_go_when_there_are_too_many():
    kept = filled(*map(batch, range(1, backlog._MOST + 11)))
    assert kept.since(9) is None
    assert len(kept.since(10)) == backlog._MOST


def test_the_oldest_go_when_they_are_too_large():
    third = backlog._LARGEST // 3
    kept = filled(*(batch(revision, third) for revision in range(1, 5)))
    assert kept.since(0) is None
    assert [one.revision for one in kept.since(1)] == [2, 3, 4]


def test_one_that_is_too_large_alone_is_not_kept():
    assert filled(batch(1), batch(2, backlog._LARGEST + 1)).since(1) is None
