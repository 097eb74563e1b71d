# SPDX-License-Identifier: BSD-2-Clause
"""Filters of jobs through the remote API."""

import pytest

from ganeti.api.resources import FILTER_FIELDS
from tests.unit.api.conftest import OPERATOR, READER, WRITER

DELAYS = [["opcode", ["=", "OP_ID", "OP_TEST_DELAY"]]]
OWN = "8c1f4a0e-6f0b-4f5e-9d55-0a3c5f1f7b11"


async def test_a_filter_is_added_listed_described_replaced_and_deleted(api, cluster):
    body = {"priority": 3, "predicates": DELAYS, "action": ["RATE_LIMIT", 2], "reason": [["tool", "why", 7]]}
    answer = await api.request("POST", "/2/filters?reason=slowly", auth=WRITER, json=body)
    assert answer.status == 200, answer
    uuid = answer.body
    assert (await api.get("/2/filters", auth=READER)).body == [{"uuid": uuid, "uri": f"/2/filters/{uuid}"}]
    (told,) = (await api.get("/2/filters?bulk=1", auth=READER)).body
    assert (await api.get(f"/2/filters/{uuid}", auth=READER)).body == told
    assert set(told) == set(FILTER_FIELDS)
    assert {name: told[name] for name in ("priority", "predicates", "action")} == {
        name: body[name] for name in ("priority", "predicates", "action")
    }
    assert [entry[:2] for entry in told["reason_trail"]] == [
        ["tool", "why"],
        ["gnt:user", "slowly"],
        ["gnt:library:rlib2", "request"],
    ]
    answer = await api.request("PUT", f"/2/filters/{uuid}", auth=WRITER, json={"uuid": uuid, "action": "PAUSE"})
    assert (answer.status, answer.body) == (200, uuid)
    replaced = (await api.get(f"/2/filters/{uuid}")).body
    assert (replaced["action"], replaced["priority"], replaced["predicates"]) == ("PAUSE", 0, [])
    answer = await api.request("DELETE", f"/2/filters/{uuid}", auth=WRITER)
    assert (answer.status, answer.body) == (200, None)
    assert (await api.get("/2/filters")).body == []
    assert len(cluster.state.entities["filter"]) == 0


async def test_one_is_added_with_the_uuid_that_is_asked_for(api):
    for method, path, body in (("PUT", f"/2/filters/{OWN}", {}), ("POST", "/2/filters", {"uuid": OWN})):
        answer = await api.request(method, path, json=body)
        assert (answer.status, answer.body) == (200, OWN)
    assert len((await api.get("/2/filters")).body) == 1


@pytest.mark.parametrize(
    ("request_line", "body", "status", "told"),
    [
        ("POST /2/filters", {"action": "HALT"}, 400, "Parameter 'action': expected ACCEPT, PAUSE, REJECT, CONTINUE"),
        ("POST /2/filters", {"action": ["HALT", 1]}, 400, "Parameter 'action': expected ACCEPT, PAUSE"),
        ("POST /2/filters", {"priority": -1}, 400, "Parameter 'priority': expected a whole number of at least 0"),
        ("POST /2/filters", {"predicate": []}, 400, "did you mean 'predicates'?"),
        ("POST /2/filters", {"predicates": [["opcode"]]}, 400, "Parameter 'predicates[0]'"),
        ("POST /2/filters", {"reason": [["x"]]}, 400, "Parameter 'reason[0]'"),
        ("POST /2/filters", [], 400, "must be a JSON object"),
        ("PUT /2/filters/nope", {}, 400, "Parameter 'uuid': expected a UUID"),
        (f"PUT /2/filters/{OWN}", {"uuid": OWN.replace("8", "9")}, 400, f"it is {OWN} in the path"),
        ("DELETE /2/filters/nope", None, 404, "Filter 'nope' not known"),
        ("GET /2/filters/nope", None, 404, "Filter 'nope' not known"),
    ],
)
async def test_what_makes_no_sense_is_refused(api, request_line, body, status, told):
    answer = await api.request(*request_line.split(), **({} if body is None else {"json": body}))
    assert answer.status == status, answer
    assert told in answer.body["explain"]


@pytest.mark.parametrize(("method", "path"), [("POST", "/2/filters"), ("PUT", f"/2/filters/{OWN}"),
                                              ("DELETE", f"/2/filters/{OWN}")])  # fmt: skip
async def test_an_operator_changes_none(api, method, path):
    answer = await api.request(method, path, auth=OPERATOR)
    assert answer.status == 403
    assert "lacks the permission 'admin'" in answer.body["explain"]


async def test_a_rejected_job_is_refused_with_the_filter_that_rejects_it(api, cluster):
    uuid = (await api.request("POST", "/2/filters?reason=moving", json={"action": "REJECT"})).body
    answer = await api.request("PUT", "/2/nodes/node2/tags?tag=a")
    assert answer.status == 409
    assert answer.body["explain"] == f"Job rejected by filter {uuid} (REJECT: moving)"


async def test_filters_can_be_queried(api):
    await api.request("PUT", f"/2/filters/{OWN}", json={})
    answer = await api.get("/2/query/filter?fields=uuid,action", auth=READER)
    assert answer.body["data"] == [[[0, OWN], [0, "CONTINUE"]]]
