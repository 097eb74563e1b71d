# SPDX-License-Identifier: BSD-2-Clause
"""What carries the checks out: whatever becomes of one question, one node or one check, the others go on."""

from ganeti.errors import ExecutionFailed, NodeCallFailed
from ganeti.operations.cluster.verify import group
from ganeti.operations.cluster.verify.check import Check
from ganeti.operations.cluster.verify.checks import OF_CONFIGURATION, OF_GROUP
from ganeti.operations.cluster.verify.findings import Code
from ganeti.operations.cluster.verify.scene import Question
from ganeti.rpc.call import AskSeveral, encode_call
from ganeti.rpc.contract.node import Ping
from ganeti.rpc.contract.storage import ExamineDisks
from ganeti.rpc.contract.verify import DigestFacts, FindBridges
from tests.cluster.cluster.verify.findings import found, verify
from tests.cluster.paper import SETTLED


async def test_a_check_that_raises_is_a_finding_and_the_others_go_on(cluster, monkeypatch):
    def look(scene):
        raise KeyError("nobody thought of this")
        yield

    monkeypatch.setattr(group, "OF_GROUP", (Check("Verifying luck", Code.ENODESETUP, look), *OF_GROUP))
    await cluster.add("web1")
    cluster.nodes["node1"].hypervisor().end("web1")
    first, second = await found(cluster)
    assert first.startswith("ENODESETUP::could not be checked, which is a bug of this program: KeyError")
    assert second == "EINSTANCEDOWN:web1:should be running on node1, but is not"


async def test_a_question_that_cannot_be_put_is_told_and_the_others_are_asked(cluster, monkeypatch):
    def call(scene, node):
        raise ExecutionFailed("there is no such thing")

    asking = Check("Verifying luck", Code.ENODESETUP, lambda scene: (), (Question("its luck", call),))
    monkeypatch.setattr(group, "OF_GROUP", (asking, *OF_GROUP))
    assert await found(cluster) == [
        f"ENODERPC:node{n}:could not tell its luck: there is no such thing" for n in (1, 2, 3)
    ]


async def test_a_handler_that_fails_unexpectedly_costs_its_answer_alone(cluster):
    hooks = cluster.nodes["node2"].paths.hooks
    (hooks / "instance-add-pre.d").mkdir(parents=True)
    (hooks / "instance-add-pre.d").chmod(0o757)
    await cluster.master.facts.settled(SETTLED)
    facts = cluster.nodes["node2"].paths.ssconf("cluster_name")
    facts.unlink()
    facts.mkdir()
    told = await found(cluster)
    assert [f.split(":")[:2] for f in told] == [["ENODERPC", "node2"], ["ENODEHOOKS", "node2"]]
    assert "could not tell its ssconf files" in told[0]


async def test_the_silence_of_a_node_is_one_error_and_what_follows_from_it_none(cluster):
    await cluster.add("web1", node="node3")
    await cluster.add("web2", node="node3")
    cluster.network.cut_off.add("10.0.0.3")
    good, said = await verify(cluster, error_codes=True)
    assert not good
    (error,) = [line for line in said if line.startswith("ERROR")]
    assert error.startswith("ERROR:ENODERPC:node:node3:does not answer: ")
    number = await cluster.submit("OP_CLUSTER_VERIFY_GROUP", group_name="default")
    await cluster.finished(number)
    note = "Unknown, since node3 does not answer: its state, and whether its 2 instance(s) run."
    assert any(note in line for line in cluster.log(number))


async def test_several_calls_have_their_results_in_one_request(cluster):
    node = cluster.node("node2")
    pong, digest, disks = await cluster.master.nodes.ask(node, [Ping(), DigestFacts(), ExamineDisks(disks=())])
    assert (pong.name, bool(digest), disks) == ("node2", True, ())


async def test_a_node_that_does_not_answer_gives_the_reason_for_every_call(cluster):
    cluster.network.cut_off.add("10.0.0.2")
    answers = await cluster.master.nodes.ask(cluster.node("node2"), [Ping(), FindBridges()])
    assert [isinstance(answer, NodeCallFailed) for answer in answers] == [True, True]


async def test_a_call_that_a_node_does_not_know_fails_alone(cluster):
    unknown = encode_call(Ping())
    several = AskSeveral(calls=(unknown, type(unknown)(b'{"call":"no.such"}')), seconds=5)
    first, second = await cluster.master.nodes.call(cluster.node("node2"), several)
    assert first.error is None
    assert "cannot be understood" in second.error[1][0]


async def test_each_check_says_what_it_does_and_what_was_found(cluster):
    _, said = await verify(cluster, debug_simulate_errors=True, error_codes=True)
    codes = [line.split(":")[1] for line in said]
    assert codes == [str(check.code) for check in (*OF_CONFIGURATION, *OF_GROUP)]
