# SPDX-License-Identifier: BSD-2-Clause
"""Who may do what."""

import hashlib
import os
import re

import pytest

from ganeti.api.users import REALM, parse
from ganeti.declare.operation import Role
from ganeti.errors import EnvironmentUnfit
from tests.unit.api.conftest import ADMIN, OPERATOR, READER, WRITER

STARTUP = ("PUT", "/2/instances/web1/startup")
MODIFY = ("PUT", "/2/modify")


@pytest.mark.parametrize("path", ["/", "/2", "/version", "/2/info", "/2/openapi.json", "/2/nodes", "/2/nothing"])
async def test_nothing_is_told_to_strangers(api, path):
    answer = await api.get(path, auth=None)
    assert (answer.status, answer.body["message"]) == (401, "Unauthorized")
    assert answer.headers["WWW-Authenticate"] == f'Basic realm="{REALM}"'


@pytest.mark.parametrize(
    "header",
    ["Basic", "Basic %%%", "Basic " + "cmVhZGVy", "Bearer r-secret", "Digest username=reader", "Basic /w=="],
)
async def test_credentials_that_are_none_are_refused(api, header):
    assert (await api.get("/2", auth=None, headers={"Authorization": header})).status == 401


@pytest.mark.parametrize("auth", [("reader", "wrong"), ("reader", ""), ("nobody", ""), ("", "")])
async def test_a_wrong_password_is_refused(api, auth):
    assert (await api.get("/2", auth=auth)).status == 401


@pytest.mark.parametrize("auth", [READER, OPERATOR, ADMIN, WRITER])
async def test_every_user_may_read(api, auth):
    assert (await api.get("/2/info", auth=auth)).status == 200


@pytest.mark.parametrize(
    ("auth", "request_", "allowed"),
    [
        (READER, STARTUP, False),
        (OPERATOR, STARTUP, True),
        (ADMIN, STARTUP, True),
        (WRITER, STARTUP, True),
        (READER, MODIFY, False),
        (OPERATOR, MODIFY, False),
        (ADMIN, MODIFY, True),
        (WRITER, MODIFY, True),
    ],
)
async def test_a_role_allows_what_it_says(api, cluster, auth, request_, allowed):
    await cluster.add("web1", start=False)
    jobs = len(list(cluster.master.queue))
    answer = await api.request(*request_, auth=auth, json={"candidate_pool_size": 5} if request_ is MODIFY else None)
    assert answer.status == (200 if allowed else 403)
    assert len(list(cluster.master.queue)) == jobs + allowed
    if not allowed:
        assert "lacks the permission" in answer.body["explain"]


async def test_canceling_takes_an_operator(api):
    assert (await api.request("DELETE", "/2/jobs/1", auth=READER)).status == 403


async def test_a_reader_may_change_nothing(api):
    changing = [(method, path) for method, path in api.routes if method != "GET" and path != "/2/query/{what}"]
    assert len(changing) > 10
    for method, path in changing:
        assert (await api.request(method, re.sub(r"{.*?}", "1", path), auth=READER)).status == 403, (method, path)


async def test_a_changed_file_of_users_counts_at_once(api):
    api.users.write_text("newcomer n-secret read\n")
    os.utime(api.users, ns=(1, 1))
    assert (await api.get("/2", auth=("newcomer", "n-secret"))).status == 200
    assert (await api.get("/2", auth=ADMIN)).status == 401


async def test_without_a_file_nobody_is_let_in(api):
    api.users.unlink()
    assert (await api.get("/2", auth=ADMIN)).status == 401


def test_a_password_may_be_hashed_or_marked_as_plain():
    digest = hashlib.md5(f"jack:{REALM}:secret".encode()).hexdigest()
    for line in (f"jack {{HA1}}{digest}", f"jack {{ha1}}{digest.upper()}", "jack {cleartext}secret", "jack secret"):
        user = parse(line)["jack"]
        assert user.accepts("secret")
        assert not user.accepts("Secret")


@pytest.mark.parametrize(
    ("grants", "roles"),
    [
        ("", {Role.READ}),
        ("read", {Role.READ}),
        ("operate", {Role.READ, Role.OPERATE}),
        ("admin", set(Role)),
        ("write", set(Role)),
        ("read,operate", {Role.READ, Role.OPERATE}),
    ],
)
def test_permissions_are_roles(grants, roles):
    assert parse(f"jack secret {grants}")["jack"].roles == roles


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("\n# x\njack\n", "Line 3 of the users' file is not"),
        ("jack secret read more", "Line 1 of the users' file is not"),
        ("jack secret root", "'root' is not a permission; choose from read, operate, admin, write"),
    ],
)
def test_a_line_that_makes_no_sense_is_named(text, told):
    with pytest.raises(EnvironmentUnfit, match=told):
        parse(text)
