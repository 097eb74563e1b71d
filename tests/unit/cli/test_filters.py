# SPDX-License-Identifier: BSD-2-Clause
"""Filters of jobs, as commands show and change them."""

import pytest

DELAYS = '[["opcode", ["=", "OP_ID", "OP_TEST_DELAY"]]]'
TITLES = ["UUID", "Watermark", "Priority", "Predicates", "Action", "ReasonTrail"]


@pytest.fixture
def added(gnt, cluster):
    """The UUID of a filter."""
    ended = gnt("filter", "add", "--predicates", DELAYS, "--action=RATE_LIMIT 10", "--reason", "replication")
    assert (ended.status, ended.errors) == (0, "")
    uuid = ended.output.strip()
    yield uuid
    gnt("filter", "delete", uuid)


def test_a_filter_is_added_and_listed(gnt, cluster, added):
    header, line = gnt("filter", "list", "--separator=|").lines
    assert header.split("|") == TITLES
    watermark = cluster.master.queue.last
    trail = "gnt:client:gnt-filter: add, gnt:user: replication"
    assert line.split("|") == [added, str(watermark), "0", DELAYS, "RATE_LIMIT 10", trail]
    assert gnt("filter", "list", "--no-headers", "-o", "uuid,action", added).output == f"{added} RATE_LIMIT 10\n"


def test_info_shows_all_of_it(gnt, cluster, added):
    assert gnt("filter", "info", added).lines == [
        f"UUID: {added}",
        f"  Watermark: {cluster.master.queue.last}",
        "  Priority: 0",
        f"  Predicates: {DELAYS}",
        "  Action: RATE_LIMIT 10",
        "  Reason trail: gnt:client:gnt-filter: add, gnt:user: replication",
    ]


def test_a_filter_is_replaced_and_what_is_not_given_is_as_by_default(gnt, added):
    assert gnt("filter", "replace", "--priority", "3", added).output == f"{added}\n"
    shown = gnt("filter", "list", "--no-headers", "--separator=|", "-o", "uuid,priority,predicates,action")
    assert shown.output == f"{added}|3|[]|CONTINUE\n"


def test_one_that_is_not_there_is_not_deleted(gnt):
    ended = gnt("filter", "delete", "nope")
    assert ended.status == 1
    assert ended.errors.endswith("Filter 'nope' not known\n")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--predicates", "["], "--predicates: '[' is not JSON"),
        (["--predicates", "[" * 100_000], "--predicates: "),
        (["--predicates", "{}"], "Parameter 'predicates': expected a list"),
        (["--priority", "x"], "--priority: 'x' is not a whole number"),
        (["--priority", "-1"], "Parameter 'priority': expected a whole number of at least 0"),
        (["--action", "HALT"], "Parameter 'action': expected ACCEPT, PAUSE, REJECT, CONTINUE, or RATE_LIMIT"),
    ],
)
def test_what_makes_no_sense_is_refused(gnt, words, told):
    ended = gnt("filter", "add", *words)
    assert ended.status
    assert told in ended.errors
    assert gnt("filter", "list", "--no-headers").output == ""


def test_a_command_whose_job_is_rejected_says_why(gnt, background, cluster):
    uuid = gnt("filter", "add", "--action=REJECT", "--predicates", DELAYS, "--reason=moving").output.strip()
    ended = gnt("debug", "delay", "0")
    gnt("filter", "delete", uuid)
    assert ended.status == 1
    assert f"Job rejected by filter {uuid} (REJECT: moving)" in ended.errors


def test_why_a_job_waits_is_shown_with_the_job(gnt, background, cluster):
    uuid = gnt("filter", "add", "--action=PAUSE", "--predicates", DELAYS, "--reason=moving").output.strip()
    number = gnt("debug", "delay", "--submit", "--print-jobid", "0").output.strip()

    async def told():
        while not cluster.log(int(number)):
            await cluster.master.queue.get(int(number)).changed()

    background.do(told())
    assert gnt("job", "list", "--no-headers", "-o", "status", number).output == "queued\n"
    assert f"Held by filter {uuid} (PAUSE: moving)" in gnt("job", "info", number).output
    gnt("filter", "delete", uuid)
    assert gnt("job", "wait", number).status == 0


def test_the_fields_are_listed(gnt):
    names = [line.split()[0] for line in gnt("filter", "list-fields", "--no-headers").lines]
    assert names == ["action", "predicates", "priority", "reason_trail", "uuid", "watermark"]
