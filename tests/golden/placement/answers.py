# SPDX-License-Identifier: BSD-2-Clause
"""What the real hail, hspace, hcheck, hroller and hsqueeze say, and how ours is held against it."""

from __future__ import annotations

import re
import tempfile
from random import Random

import msgspec

from ganeti.placement.allocator.answering import answer
from ganeti.placement.allocator.message import read_message, request_of
from tests.unit.placement.allocator.messages import by_chance

SAME = 1.01e-8
_SCORE = re.compile(r"\((\w+)\): score: ([0-9.]+)")
_COUNT = re.compile(r"ALLOC_INSTANCES=(\d+)")
_MOVED = re.compile(r"(\d+) instances failed to move")


def theirs(oracle, tool, text, *arguments):
    """(exit status, standard output) of the real tool; hail is given a message, the others a data file."""
    with tempfile.NamedTemporaryFile("w", suffix=".data") as file:
        file.write(text)
        file.flush()
        backend = [file.name] if tool == "hail" else ["-t", file.name]
        done = oracle.run(tool, *backend, *arguments, timeout=60)
    return done.returncode, done.stdout


def hail_message(seed):
    return msgspec.json.encode(by_chance(seed)).decode()


def assert_no_worse_answer(seed, status, output):
    """As successful as theirs, with a score as low and no fewer instances moved; or theirs failed."""
    if status:
        return  # they stumble over some clusters, we don't
    said = msgspec.json.decode(output)
    made = by_chance(seed)
    found = read_message(msgspec.json.encode(made))
    ours, _ = answer(found.snapshot, request_of(found.snapshot, found.request))
    if said["success"]:
        assert ours.success, f"they: {said['info']}\nwe: {ours.info}"
    kind = made["request"]["type"]
    if kind == "allocate":
        assert ours.success == said["success"]
        assert _scores(ours.info) == {group: pytest_approx(score) for group, score in _scores(said["info"]).items()}
        assert len(ours.result) == len(said["result"])
    elif kind == "relocate" and said["success"]:
        assert len(ours.result) == 1
    elif kind in ("node-evacuate", "change-group"):
        assert _left_behind(ours.info) <= _left_behind(said["info"])


def _scores(info):
    return {number: float(score) for number, (_, score) in enumerate(_SCORE.findall(info))}


def _left_behind(info):
    return int(_MOVED.search(info)[1])


def pytest_approx(value):
    import pytest  # noqa: PLC0415 - the recording script needs none

    return pytest.approx(value, abs=SAME)


def tools_cluster(seed):
    """A cluster with a master, as the tools that print text are given it."""
    random = Random(seed)
    groups = random.choice([1, 1, 2])
    tight = random.choice([1, 0.6])
    nodes = [
        _node(random, group, number, tight) for group in range(groups) for number in range(random.choice([3, 4, 6]))
    ]
    nodes[0][7] = "M"
    templates = random.choice([("drbd",), ("drbd", "ext"), ("ext", "sharedfile")])
    instances = []
    for number in range(random.choice([6, 12, 20])):
        there = [node for node in nodes if node[8] == f"uuid-{random.randrange(groups)}"] or nodes[:3]
        there = [node for node in nodes if node[8] == there[0][8]]
        primary, secondary = random.sample(there, 2)
        memory, disk = random.choice([256, 512, 1024, 2048, 4096]), random.choice([1024, 10240, 20480])
        template = random.choice(templates)
        if primary[3] - memory < 0:
            continue
        primary[3] -= memory
        if template == "drbd":
            primary[5] -= disk
            secondary[5] -= disk
        mirror = secondary[0] if template == "drbd" else ""
        vcpus = random.choice([1, 2])
        instances.append(f"inst-{number}|{memory}|{disk}|{vcpus}|running|Y|{primary[0]}|{mirror}|{template}||1")
    specs = (
        "128,1,1024,1,1,1|128,1,1024,1,1,1;32768,8,1048576,16,8,12|drbd,plain,ext,diskless,file,sharedfile,rbd|4.0|32.0"
    )
    sections = (
        [f"group-{group}|uuid-{group}|preferred||" for group in range(groups)],
        ["|".join(map(str, node)) for node in nodes],
        instances,
        [],
        [f"{owner}|{specs}" for owner in ("", *(f"group-{group}" for group in range(groups)))],
    )
    return "\n".join("".join(f"{line}\n" for line in section) for section in sections)


def _node(random, group, number, tight):
    memory = int(16384 * tight)
    role = random.choice("NNNNNY")
    return [f"node-{group}-{number}", memory, 512, memory - 512, 400000, 400000, 8, role, f"uuid-{group}", 2]


def instances_that_fit(output):
    return int(_COUNT.search(output)[1])
