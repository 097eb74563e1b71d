# SPDX-License-Identifier: BSD-2-Clause
"""Who may do what."""

import asyncio
import hashlib
import os
import re
from functools import partial

import pytest

from ganeti.api import authentication
from ganeti.api.authentication import Failures
from ganeti.api.limits import FAILURE_HELD, FAILURE_INTERVAL, FREE_FAILURES, HELD_OF_ADDRESS, REMEMBERED_FAILURES
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


async def test_an_operator_cancels_no_job_of_an_admin_and_an_admin_any(api, cluster):
    numbers = [
        await cluster.submit("OP_TEST_DELAY", duration=3600, no_locks=False, on_nodes=["node1"]) for _ in range(2)
    ]
    answer = await api.request("DELETE", f"/2/jobs/{numbers[1]}", auth=OPERATOR)
    assert answer.status == 403
    assert "submitted by 'root', who may do more than user 'operator'" in answer.body["explain"]
    assert (await api.request("DELETE", f"/2/jobs/{numbers[1]}", auth=ADMIN)).body[0] is True


async def test_an_operator_cancels_jobs_of_operators(api, cluster):
    await cluster.add("web1", start=False)
    await cluster.submit("OP_TEST_DELAY", duration=3600, no_locks=False, on_nodes=["node1"])
    number = (await api.request(*STARTUP, auth=OPERATOR)).body
    assert (await api.request("DELETE", f"/2/jobs/{number}", auth=OPERATOR)).status == 200


async def test_jobs_of_a_reader_do_not_fill_the_database(api, cluster, monkeypatch):
    monkeypatch.setattr("ganeti.jobs.queue.MOST_OF_READER", 2)
    await cluster.add("web1", start=False)
    numbers = []
    for _ in range(4):
        numbers.append((await api.get("/2/instances/web1/info", auth=READER)).body)
        await cluster.finished(numbers[-1])
    kept = {tracked.job.id for tracked in cluster.master.queue}
    assert kept & set(numbers) == set(numbers[2:])
    assert [record.key for record in cluster.store.load("job") if int(record.key) in numbers[:2]] == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("startup", {"priority": -1}),
        ("failover", {"ignore_consistency": True}),
        ("failover", {"iallocator": "own"}),
        ("migrate", {"iallocator": "own"}),
    ],
)
async def test_what_takes_an_admin_is_refused_to_operators(api, cluster, path, body):
    await cluster.add("web1", start=False)
    answer = await api.request("PUT", f"/2/instances/web1/{path}", auth=OPERATOR, json=body)
    assert answer.status == 403
    assert "lacks the permission 'admin'" in answer.body["explain"]


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


class Held:
    """Waits until it is told to go on."""

    def __init__(self):
        self.seconds, self.release = [], asyncio.Event()

    async def __call__(self, seconds):
        self.seconds.append(seconds)
        await self.release.wait()


async def until(condition):
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0)


@pytest.fixture
def held(monkeypatch):
    made = Held()
    monkeypatch.setattr(authentication, "Failures", partial(Failures, sleep=made))
    return made


async def test_wrong_passwords_are_logged_without_them(api, caplog):
    assert (await api.get("/2", auth=("reader", "wrong0"))).status == 401
    assert "Failed login as 'reader' from 127.0.0.1" in caplog.text
    assert "wrong0" not in caplog.text


async def test_after_some_wrong_passwords_the_next_is_answered_late_and_a_right_one_at_once(held, api):
    for number in range(FREE_FAILURES):
        assert (await api.get("/2", auth=("reader", f"wrong{number}"))).status == 401
    late = asyncio.create_task(api.get("/2", auth=("reader", "wrong")))
    await until(lambda: held.seconds == [FAILURE_HELD])
    assert [(await api.get("/2", auth=auth)).status for auth in (READER, ADMIN)] == [200, 200]
    held.release.set()
    assert (await late).status == 401


async def test_of_many_guesses_few_are_looked_at_and_names_make_no_difference(held, api):
    for _ in range(FREE_FAILURES):
        await api.get("/2", auth=("nobody", ""))
    guesses = [asyncio.create_task(api.get("/2", auth=("reader", str(n)))) for n in range(HELD_OF_ADDRESS)]
    await until(lambda: len(held.seconds) == HELD_OF_ADDRESS)
    answers = [await api.get("/2", auth=auth) for auth in (READER, ("reader", "wrong"), ("nobody", ""), ("new", ""))]
    assert {(answer.status, answer.body["explain"], answer.headers["Retry-After"]) for answer in answers} == {
        (429, "Too many wrong passwords from your address; try again later", "5")
    }
    held.release.set()
    assert {(await guess).status for guess in guesses} == {401}
    assert (await api.get("/2", auth=READER)).status == 200


async def test_another_address_and_later_mistakes_are_answered_at_once():
    now, waited = 0.0, []

    async def sleep(seconds):
        waited.append(seconds)

    failures = Failures(lambda: now, sleep)
    for _ in range(FREE_FAILURES):
        await failures.add("192.0.2.1")
    await failures.add("192.0.2.2")
    now = FAILURE_INTERVAL
    await failures.add("192.0.2.1")
    assert waited == []
    await failures.add("192.0.2.1")
    assert waited == [FAILURE_HELD]


async def test_the_memory_of_wrong_passwords_is_bounded():
    failures = Failures(lambda: 0.0)
    for number in range(REMEMBERED_FAILURES + 10):
        await failures.add(str(number))
    assert len(failures._empty_at) == REMEMBERED_FAILURES
