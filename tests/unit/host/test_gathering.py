# SPDX-License-Identifier: BSD-2-Clause
"""Several things at once: all have ended when it returns."""

import asyncio

import pytest

from ganeti.host.gathering import gather, together


class Works:
    """``ended``: those that have, in their order."""

    def __init__(self):
        self.ended = []

    async def forever(self, name):
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            self.ended.append(name)

    async def short(self, name):
        self.ended.append(name)

    async def broken(self, name):
        self.ended.append(name)
        raise OSError(name)


async def test_what_is_gathered_has_all_ended_when_an_error_is_raised():
    works = Works()
    with pytest.raises(OSError, match="first"):
        await gather(works.broken("first"), works.short("second"))
    assert works.ended == ["first", "second"]


async def test_an_error_ends_the_others_and_is_raised_when_they_have_ended():
    works = Works()
    with pytest.raises(OSError, match="broken"):
        await together(works.forever("other"), works.broken("broken"))
    assert works.ended == ["broken", "other"]


async def test_what_goes_on_meanwhile_ends_with_the_others_and_its_error_ends_them():
    works = Works()
    await together(works.short("one"), works.short("two"), meanwhile=works.forever("meanwhile"))
    assert works.ended == ["one", "two", "meanwhile"]
    with pytest.raises(OSError, match="meanwhile"):
        await together(works.forever("other"), meanwhile=works.broken("meanwhile"))
    assert works.ended[-2:] == ["meanwhile", "other"]


async def test_who_is_cancelled_leaves_nothing_running():
    works = Works()
    task = asyncio.create_task(together(works.forever("one"), works.forever("two")))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sorted(works.ended) in ([], ["one", "two"])
