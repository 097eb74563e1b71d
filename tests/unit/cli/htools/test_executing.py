# SPDX-License-Identifier: BSD-2-Clause
import argparse
import signal

import pytest

from ganeti.cli.htools import executing
from ganeti.cli.htools.executing import execute
from ganeti.luxi.protocol import Method
from ganeti.placement.balance.move import Move, MoveKind, Step
from ganeti.placement.snapshot import NO_NODE
from ganeti.placement.text import parse
from tests.unit.placement.clusters import unbalanced_text

GROUP = parse(unbalanced_text(6, 12)).snapshot


class Master:
    """Takes jobs, which end as ``ends`` says, in turn."""

    def __init__(self, ends=()):
        self.ends = list(ends)
        self.submitted = []
        self.states = []
        self.canceled = False
        self.interrupted = False

    def call(self, method, *arguments):
        if method is Method.SUBMIT_JOB:
            self.submitted.append(arguments[0])
            return 7
        if method is Method.CANCEL_JOB:
            self.canceled = True
            return [True, "Job 7 will be canceled after the operation that is running now"]
        if method is Method.SUBMIT_MANY_JOBS:
            self.submitted.append(arguments[0])
            return [(True, number) for number, _ in enumerate(arguments[0])]
        if "opstatus" in arguments[1]:
            if self.interrupted:
                signal.raise_signal(signal.SIGINT)
            return [self.states.pop(0)]
        return [[self.ends.pop(0) if self.ends else "success"] for _ in arguments[0]]

    def close(self):
        pass


@pytest.fixture
def master(monkeypatch):
    made = Master()
    monkeypatch.setattr(executing, "client", lambda _: made)
    return made


def options(**given):
    usual = {"luxi": "", "plan": False, "first_job_group": False, "reason": None, "priority": "normal"}
    return argparse.Namespace(**{**usual, **given})


def failover(index):
    instance = GROUP.instances[index]
    places = instance.primary, instance.secondary
    return Step(Move(index, MoveKind.FAILOVER, NO_NODE), places, places[::-1], 0.0)


def apart_and_together():
    """Two steps that share no node, and one that shares nodes with the second."""
    first = failover(0)
    other = next(failover(n) for n in range(12) if not {*failover(n).before} & {*first.before})
    return [first, other, other]


def test_steps_that_share_no_node_are_jobs_at_the_same_time(master):
    assert execute(GROUP, apart_and_together(), options()) == 0
    assert [len(jobs) for jobs in master.submitted] == [2, 1]
    assert master.submitted[0][0][0]["OP_ID"] == "OP_INSTANCE_MIGRATE"


def test_a_plan_is_one_job_of_all_steps_in_their_order(master, capfd):
    master.states = [["running", ["success", "running", "queued"]], ["success", ["success"] * 3]]
    assert execute(GROUP, apart_and_together(), options(plan=True)) == 0
    names = [operation["instance_name"] for operation in master.submitted[0]]
    assert names == [GROUP.instances[step.move.instance].name for step in apart_and_together()]
    assert "1 of 3 operations done, running" in capfd.readouterr().out


def test_an_interrupt_stops_a_plan_between_two_operations(master, monkeypatch):
    master.interrupted = True
    master.states = [["running", ["running", "queued"]], ["canceled", ["success", "canceled"]]]
    monkeypatch.setattr(executing.time, "sleep", lambda _: None)
    monkeypatch.setattr(
        executing._Interrupt, "asked", property(lambda _: True, lambda _self, _value: None), raising=False
    )
    assert execute(GROUP, [failover(0), failover(1)], options(plan=True)) == 0
    assert master.canceled


def test_a_plan_that_fails_fails(master):
    master.states = [["error", ["error", "error"]]]
    assert execute(GROUP, [failover(0), failover(1)], options(plan=True)) == 1


def test_a_job_that_fails_ends_it(master):
    master.ends = ["error"]
    assert execute(GROUP, apart_and_together(), options()) == 1
    assert len(master.submitted) == 1


def test_the_first_set_alone_can_be_asked_for(master):
    assert execute(GROUP, apart_and_together(), options(first_job_group=True)) == 0
    assert len(master.submitted) == 1


def test_jobs_carry_the_reason_and_the_priority(master):
    execute(GROUP, [failover(0)], options(reason="spring", priority="low"))
    operation = master.submitted[0][0][0]
    assert operation["priority"] == 10
    assert operation["reason"][0][1] == "spring"
