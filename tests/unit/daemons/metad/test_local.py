# SPDX-License-Identifier: BSD-2-Clause
"""What root asks the metadata daemon of its machine."""

import os

import msgspec
import pytest

from ganeti.daemons.metad.guests import Guests
from ganeti.daemons.metad.local import methods
from ganeti.errors import UnknownEntity, WrongInput
from ganeti.model.metadata import Metadata

NAMES = ("web1.example.com", "web1.example.org", "db1.example.com")


@pytest.fixture
async def table(tmp_path):
    for number, name in enumerate(NAMES):
        told = Metadata(uuid=str(number), name=name, os="debian", vcpus=1, memory=128, connections=())
        (tmp_path / f"{name}.json").write_bytes(msgspec.json.encode(told))
    directory = os.open(tmp_path, os.O_RDONLY)
    guests = Guests(directory)
    await guests.look()
    yield methods(guests), guests
    os.close(directory)


async def test_a_guest_is_known_by_its_name_without_the_domain_if_it_is_the_only_one(table, monkeypatch):
    asked, guests = table
    monkeypatch.setattr(guests, "mail_of", lambda guest: pytest.fail(guest.name))
    with pytest.raises(pytest.fail.Exception, match=r"db1\.example\.com"):
        await asked["read"]("db1")
    with pytest.raises(pytest.fail.Exception, match=r"web1\.example\.org"):
        await asked["read"]("web1.example.org")
    with pytest.raises(WrongInput, match=r"'web1' can be any of: web1\.example\.com, web1\.example\.org"):
        await asked["write"]("web1", "text")
    for name in ("db", "web1.example", "db1.", "example.com"):
        with pytest.raises((UnknownEntity, WrongInput)):
            await asked["read"](name)
