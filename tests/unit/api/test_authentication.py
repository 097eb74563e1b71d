# SPDX-License-Identifier: BSD-2-Clause
"""Who may do what."""

import hashlib
import os
import re

import pytest

from ganeti.api.authentication import Failures
from ganeti.api.limits import FAILURE_INTERVAL, FREE_FAILURES, REMEMBERED_FAILURES
from ganeti.api.users import REALM, parse
from ganeti.declare.role import Role
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


async def test_a_reader_may_change_nothing(api, cluster):
    changing = [(method, path) for method, path in api.routes if method != "GET" and path != "/2/query/{what}"]
    assert len(changing) > 10
    jobs = len(list(cluster.master.queue))
    for method, path in changing:
        body = '"offline"' if path.endswith("/role") else None
        answer = await api.request(method, re.sub(r"{.*?}", "1", path), auth=READER, data=body)
        assert answer.status == 403 or "is missing" in answer.body["explain"], (method, path)
    assert len(list(cluster.master.queue)) == jobs


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
        user = parse(line.encode())[0]["jack"]
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
    assert parse(f"jack secret {grants}".encode())[0]["jack"].roles == roles


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\n# x\njack\n", "Line 3 is not 'name password [permissions]'"),
        (b"jack secret read more", "Line 1 is not 'name password [permissions]'"),
        (b"jack secret root", "Line 1 grants an unknown permission; choose from read, operate, admin, write"),
        (b"jack secr\xe9t read", "Line 1 is not UTF-8 text"),
    ],
)
def test_a_line_that_makes_no_sense_is_named_and_the_others_count(content, told):
    users, wrong = parse(content + b"\nreader r-secret\n")
    assert set(users) == {"reader"}
    assert wrong == [told]
    assert "secr" not in wrong[0]


async def test_a_line_that_makes_no_sense_is_logged_and_locks_nobody_out(api, caplog):
    api.users.write_bytes(b"broken\n\xff\xfe\nreader r-secret read\n")
    os.utime(api.users, ns=(1, 1))
    assert (await api.get("/2", auth=READER)).status == 200
    assert "users" not in (await api.get("/2", auth=None)).body["explain"]
    assert "Line 1 is not" in caplog.text


async def test_wrong_passwords_are_logged_and_soon_not_looked_at(api, caplog):
    answers = [await api.get("/2", auth=("reader", f"wrong{number}")) for number in range(FREE_FAILURES + 1)]
    assert [answer.status for answer in answers] == [401] * FREE_FAILURES + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert "Failed login as 'reader' from 127.0.0.1" in caplog.text
    assert "wrong0" not in caplog.text
    assert (await api.get("/2", auth=READER)).status == 429
    assert (await api.get("/2", auth=ADMIN)).status == 200


async def test_new_names_do_not_give_new_tries(api):
    answers = [await api.get("/2", auth=(f"nobody{number}", "")) for number in range(FREE_FAILURES + 1)]
    assert answers[-1].status == 429


def test_a_password_is_looked_at_again_after_a_while():
    now = 0.0
    failures = Failures(lambda: now)
    for _ in range(FREE_FAILURES):
        assert failures.delay(("reader", "192.0.2.1")) == 0
        failures.add(("reader", "192.0.2.1"))
    assert failures.delay(("reader", "192.0.2.1")) == FAILURE_INTERVAL
    assert failures.delay(("reader", "192.0.2.2")) == 0
    now = FAILURE_INTERVAL
    assert failures.delay(("reader", "192.0.2.1")) == 0


def test_the_memory_of_wrong_passwords_is_bounded():
    failures = Failures(lambda: 0.0)
    for number in range(REMEMBERED_FAILURES + 10):
        failures.add(("reader", str(number)))
    assert len(failures._empty_at) == REMEMBERED_FAILURES
