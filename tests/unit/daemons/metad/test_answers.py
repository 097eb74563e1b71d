# SPDX-License-Identifier: BSD-2-Clause
"""What a guest is answered over HTTP."""

import json

import pytest
from aiohttp.test_utils import TestClient, TestServer

from ganeti.daemons.metad.http import application
from ganeti.daemons.metad.mailbox import CAPACITY, Mail
from ganeti.model.guest import GuestNic
from ganeti.model.metadata import Connection, Metadata

KEYS = "ssh-ed25519 AAAA one@example.com\n\nssh-ed25519 BBBB two@example.com\n"
TOLD = Metadata(
    uuid="6c1e4d9e-4b9a-4c43-9a4e-1f2d3c4b5a69",
    name="web1.example.com",
    os="debian+cloud",
    vcpus=2,
    memory=512,
    osparams={
        "public_keys": (KEYS, "public"),
        "user_data": ("#cloud-config\n", "private"),
        "os-install-package": ("https://example.com/web1.tgz", "public"),
    },
    connections=(Connection("gnt.com.256", "169.254.1.0", "52:54:00:00:00:01"),),
    nics=(GuestNic(uuid="n", mac="aa:00:00:00:00:01", mode="bridged", link="br0", ip="192.0.2.7"),),
)


@pytest.fixture
def mail():
    return Mail()


@pytest.fixture
async def guest(mail):
    async with TestClient(TestServer(application(TOLD, mail))) as client:
        yield client


@pytest.mark.parametrize("version", ["latest", "2009-04-04"])
@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("meta-data/instance-id", "i-6c1e4d9e4b9a4c439"),
        ("meta-data/hostname", "web1.example.com"),
        ("meta-data/local-hostname", "web1.example.com"),
        ("meta-data/local-ipv4", "192.0.2.7"),
        ("meta-data/mac", "aa:00:00:00:00:01"),
        ("meta-data/public-keys/", "0=key-0\n1=key-1"),
        ("meta-data/public-keys/1", "openssh-key"),
        ("meta-data/public-keys/1/openssh-key", "ssh-ed25519 BBBB two@example.com"),
        ("user-data", "#cloud-config\n"),
        ("", "meta-data/\nuser-data"),
    ],
)
async def test_amazons_form_is_answered(guest, version, path, text):
    answer = await guest.get(f"/{version}/{path}")
    assert (answer.status, await answer.text()) == (200, text)


async def test_all_of_it_can_be_found_by_following_lists(guest):
    """As cloud-init does."""
    seen = set()

    async def follow(path):
        for line in (await (await guest.get(path)).text()).splitlines():
            name = line.partition("=")[0]
            if line.endswith("/"):
                await follow(f"{path}{name}")
            elif "=" in line:
                seen.add(await (await guest.get(f"{path}{name}/openssh-key")).text())
            else:
                assert (await guest.get(f"{path}{name}")).status == 200
                seen.add(name)

    await follow("/2009-04-04/meta-data/")
    assert {"instance-id", "hostname", "ssh-ed25519 AAAA one@example.com"} <= seen


async def test_ganetis_own_form_is_answered(guest):
    facts = await (await guest.get("/ganeti/latest/meta_data.json")).json()
    assert facts["nics"] == [{"mac": "aa:00:00:00:00:01", "ip": "192.0.2.7", "name": None}]
    assert (facts["name"], facts["vcpus"], facts["memory"]) == ("web1.example.com", 2, 512)
    parameters = json.loads(await (await guest.get("/ganeti/latest/os/parameters.json")).text())
    assert parameters["user_data"] == ["#cloud-config\n", "private"]
    for path in ("os-install-package", "parameters/os-install-package"):
        assert await (await guest.get(f"/ganeti/latest/os/{path}")).text() == "https://example.com/web1.tgz"


@pytest.mark.parametrize(
    "path",
    [
        "/latestmeta-data",
        "/latest/meta-data/nope",
        "/latest/meta-data/hostname/x",
        "/ganeti/latest/os/parameters/x",
        "/ganeti/latest/os/scripts/create",
        "/latest/../etc/passwd",
        "/openstack/latest/meta_data.json",
    ],
)
async def test_what_is_not_there_is_not_found(guest, path):
    assert (await guest.get(path)).status == 404


async def test_what_is_written_waits_for_the_node_and_what_is_read_is_gone(guest, mail):
    assert (await guest.post("/ganeti/latest/write", data=b"half way")).status == 204
    assert (mail.from_guest.take(), mail.from_guest.take()) == (b"half way", b"")
    mail.to_guest.put(b"go on")
    answers = [await (await guest.get("/ganeti/latest/read")).read() for _ in range(2)]
    assert answers == [b"go on", b""]


async def test_no_more_is_kept_than_there_is_room_for(guest, mail):
    assert (await guest.post("/ganeti/latest/write", data=b"x" * CAPACITY)).status == 204
    answer = await guest.post("/ganeti/latest/write", data=b"x")
    assert (answer.status, await answer.text()) == (507, "What was written before has not been read yet\n")
    assert (await guest.post("/ganeti/latest/write", data=b"x" * (CAPACITY + 1))).status == 413
    assert len(mail.from_guest.take()) == CAPACITY
