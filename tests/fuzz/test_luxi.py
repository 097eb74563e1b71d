# SPDX-License-Identifier: BSD-2-Clause
"""Whatever comes over the master's socket is answered in its form, is no error of the program, and stops no master."""

import asyncio
import json
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ganeti.daemons.masterd import methods
from ganeti.luxi.protocol import END, Method
from ganeti.luxi.server import LuxiServer
from ganeti.operations import OPERATIONS, find
from tests.cluster.paper import PaperCluster
from tests.cluster.world import first_state

# What is there, so that more than the first check is reached.
WORDS = (
    "web1",
    "node1",
    "node2",
    "instance",
    "node",
    "job",
    "cluster",
    "name",
    "status",
    "id",
    "|",
    "&",
    "=",
    "=~",
    "?",
)
HARMLESS = sorted(set(OPERATIONS) - {"OP_CLUSTER_DESTROY"})
BUDGET = settings(
    max_examples=400,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-3, 5)
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(WORDS)
    | st.text(max_size=20)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=3),
    max_leaves=12,
)


@st.composite
def operations(draw):
    """With fields that it has, and values that they need not take."""
    wire_name = draw(st.sampled_from(HARMLESS))
    names = draw(st.lists(st.sampled_from(find(wire_name).__struct_fields__), max_size=4))
    return {"OP_ID": wire_name, **{name: draw(values) for name in names}}


arguments = st.lists(values | operations() | st.lists(operations(), min_size=1, max_size=2), max_size=5)
requests = st.fixed_dictionaries(
    {"method": st.sampled_from([*Method]) | st.text(max_size=10), "args": arguments | values}
).map(lambda request: json.dumps(request).encode())


@pytest.fixture
def patience(monkeypatch):
    """Nobody waits for news of a job for long."""
    monkeypatch.setattr(methods, "LONGEST_NEWS", 0.001)


@contextmanager
def a_master(root):
    """(how to run something in its loop, the cluster)."""
    with asyncio.Runner() as runner:
        cluster = PaperCluster(root, first_state())
        runner.run(cluster.start())
        runner.run(cluster.add("web1"))
        yield runner.run, cluster
        runner.run(cluster.stop())


def test_every_frame_is_answered_or_ends_its_connection_only(tmp_path, patience):
    with a_master(tmp_path) as (carry_out, cluster):
        server = LuxiServer(cluster.methods)
        path = tmp_path / "socket"
        carry_out(server.start(path))

        async def exchange(frames):
            """What comes back for frames sent at once, of which the last may be cut off."""
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(frames)
            writer.write_eof()
            answered = await reader.read()
            writer.close()
            return answered

        @BUDGET
        @given(st.lists(requests | st.binary(max_size=40), max_size=4).map(END.join), st.sampled_from([b"", END]))
        def check(frames, end):
            answers = carry_out(exchange(frames + end)).split(END)
            assert answers.pop() == b""
            assert len(answers) == (frames + end).count(END)
            assert all(json.loads(answer).keys() == {"success", "result", "version"} for answer in answers)

        check()
        carry_out(server.stop())
