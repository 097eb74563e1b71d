# SPDX-License-Identifier: BSD-2-Clause
"""What the metadata daemon reads of guests: files that the node daemon writes meanwhile."""

import os

import msgspec
import pytest

from ganeti.daemons.metad.guests import Guests
from tests.unit.daemons.metad.test_answers import TOLD


@pytest.fixture
def guests(tmp_path):
    directory = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield Guests(directory)
    os.close(directory)


async def test_a_file_that_could_not_be_read_is_read_once_it_can_be(guests, tmp_path, monkeypatch):
    """It gets its owner when its content stands, which changes its status and not its time."""
    path = tmp_path / "web1.example.com.json"
    path.write_bytes(msgspec.json.encode(TOLD))
    os.utime(path, ns=(1, 1))
    opened = os.open

    def refused(*words, **more):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refused)
    await guests.look()
    assert guests.known == []
    monkeypatch.setattr(os, "open", opened)
    os.chown(path, os.getuid(), os.getgid())
    await guests.look()
    assert guests.known == [TOLD]
    path.unlink()
    await guests.look()
    assert guests.known == []
