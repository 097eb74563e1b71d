# SPDX-License-Identifier: BSD-2-Clause
"""Somebody who sits at the master of a cluster and types what operators type.

Lines are written as they are found in runbooks, with their names: ``node1.example.com``, ``web1``, ``eth1``. The lab
has other ones (``NAMES``); they are replaced on the way in, and back in what is answered.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from ganeti.lab.console import Console
from ganeti.lab.lab import Lab
from ganeti.lab.node import Node
from ganeti.luxi.client import Client
from tests.real.cluster.work import eventually

PATIENCE = 300.0  # seconds, for what hangs
procedure = pytest.mark.procedure
NAMES = {"example.com": "lab.test"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a line has printed, and how it ended."""

    text: str
    errors: str
    status: int

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @property
    def words(self) -> list[str]:
        return self.text.split()


class Administrator:
    """``instead``: what stands in the lab for a word of the lines, such as another kind of disk."""

    def __init__(self, lab: Lab, instead: Mapping[str, str]) -> None:
        self.lab = lab
        self._instead = {**instead, **NAMES}
        self._afterwards: list[str] = []

    def types(self, line: str, *, on: str = "node1", status: int = 0) -> Answer:
        """One line of shell on a node, and what it says. It must end with ``status``."""
        meant = self._meant(line)
        done = self.lab.node(short(on)).run("bash", "-c", f"cd; {meant}", timeout=PATIENCE)
        answer = Answer(_back(done.output), _back(done.errors), done.status)
        assert answer.status == status, f"'{meant}' ended with {done.ended}: {answer.text}{answer.errors}"
        return answer

    def _meant(self, text: str) -> str:
        for written, there in self._instead.items():
            text = text.replace(written, there)
        return text

    def answers_yes(self, line: str) -> Answer:
        """One line at a terminal, where questions are asked."""
        return self.types(f"script --quiet --return --command {shlex.quote(line)} /dev/null <<<y")

    def is_refused(self, line: str, *, status: int = 1) -> str:
        """What is said of a line that does not work; in one line, however it was folded."""
        return " ".join(self.types(line, status=status).errors.split())

    def everywhere(self, line: str) -> list[str]:
        """The same line on each node, and what each says."""
        return [self.types(line, on=node.name).text for node in self.lab.nodes]

    def afterwards(self, *lines: str) -> None:
        """What puts the cluster back, typed at the end of the procedure, the last first."""
        self._afterwards.extend(lines)

    def leaves(self) -> None:
        while self._afterwards:
            self.types(self._afterwards.pop())

    # --- what procedures find there ---

    def has_instance(self, name: str = "web1.example.com", *, on: str = "node2", options: str = "") -> None:
        """One that needs no QEMU, with a disk that every node sees, and runs."""
        shape = "-t sharedfile --disk 0:size=1G -H fake -o tiny+default --no-install --no-name-check --no-ip-check"
        self.types(f"gnt-instance add {shape} -n {on} {options} {name} && gnt-instance start {name}")

    def has_guest(self, name: str = "web1.example.com", *, on: str = "node2", options: str = "") -> None:
        """The tiny guest in QEMU, up."""
        shape = "-t sharedfile --disk 0:size=1G -B memory=128M,vcpus=1 -H kvm -o tiny+default"
        self.types(f"gnt-instance add {shape} --no-name-check --no-ip-check -n {on} {options} {name}")
        self.boot_of(name)

    def has_provider(self, name: str, script: str, *variants: str, parameters: Sequence[str] = ()) -> None:
        """An OS provider on every node that does ``script`` when a guest is installed, renamed, exported, imported."""
        place = f"/usr/share/ganeti/os/{name}"
        for node in self.lab.nodes:
            assert not node.run("mkdir", "-p", place).failed
            node.write(f"{place}/ganeti_api_version", "20\n")
            node.write(f"{place}/parameters.list", "".join(f"{parameter} of it\n" for parameter in parameters))
            node.write(f"{place}/variants.list", "".join(f"{variant}\n" for variant in variants))
            for stage in ("create", "rename", "export", "import", "verify"):
                write_program(node, f"{place}/{stage}", "exit 0" if stage == "verify" else script)
        self.afterwards(*(f"ssh {node.name} rm -r {place}" for node in self.lab.nodes))

    def has_network(self, name: str, addresses: str) -> None:
        """One that is connected to the node group; ``addresses``, and options such as a gateway."""
        self.types(f"gnt-network add --network={addresses} {name} && gnt-network connect {name} default")
        self.afterwards(f"gnt-network disconnect {name} default && gnt-network remove {name}")

    def has_users(self) -> None:
        """Of the remote API: one who may read, one who may do everything."""
        self.lab.node("node1").write("/var/lib/ganeti/rapi/users", "ro secret read\nadmin secret write\n")

    # --- what can be seen of it ---

    @contextmanager
    def client(self) -> Iterator[Client]:
        client = Client(self.lab.node("node1").path("/run/ganeti/socket/ganeti-master"), timeout=PATIENCE)
        try:
            yield client
        finally:
            client.close()

    def sees(self, fields: str, name: str = "", *, of: str = "instance") -> list[str]:
        """The values of some fields of one object, or of all, one after the other."""
        with self.client() as client:
            (full,) = client.call("FindNames", of, [self._meant(name)]) if name and of != "job" else (name,)
            condition = ["=", "id", int(name)] if of == "job" else ["=", "name", full] if name else None
            rows = client.call("Query", of, fields.split(","), condition)["data"]
        return [_word(value) for row in rows for _, value in row]

    def info(self, name: str = "web1.example.com") -> str:
        return self.types(f"gnt-instance info {name}").text

    def qemu_of(self, name: str = "web1.example.com") -> str:
        """The command line of its QEMU, on the node where it should run."""
        (node,) = self.sees("pnode", name)
        told = self.types(
            f"tr '\\0' ' ' </proc/$(cat /var/run/ganeti/kvm-hypervisor/pid/{name} || echo none)/cmdline", on=short(node)
        )
        return told.text

    def console(self, name: str = "web1.example.com") -> Console:
        (node,) = self.sees("pnode", name)
        inside = name.replace("example.com", NAMES["example.com"])
        return Console(self.lab.node(short(node)).socket(f"/run/ganeti/kvm/{inside}/serial"))

    def boot_of(self, name: str = "web1.example.com") -> int:
        """How many times a guest has booted from its disk, when it is up."""
        with self.console(name) as console:
            return console.up().boot

    def count_of(self, name: str = "web1.example.com") -> int:
        """To what a guest has counted in its memory."""
        with self.console(name) as console:
            return console.count().number

    def loses_power(self, node: str) -> None:
        self.lab.node(node).kill()

    def gets_power(self, node: str) -> None:
        self.lab.node(node).boot().wait()
        prepare(self.lab.node(node))

    def comes_to_be(self, line: str, expected: str) -> None:
        """What a line prints sooner or later, for the cluster gets there by itself."""
        eventually(lambda: self.types(line).text, lambda told: told.strip() == expected, PATIENCE)


def _word(value: Any) -> str:
    """As lists print it."""
    if isinstance(value, list):
        return ",".join(map(_word, value))
    words = {None: "", True: "Y", False: "N"}
    return _back(words[value] if value is None or isinstance(value, bool) else str(value))


def _back(text: str) -> str:
    for written, there in NAMES.items():
        text = text.replace(there, written)
    return text


def short(name: str) -> str:
    return name.partition(".")[0]


def write_program(node: Node, path: str, script: str) -> None:
    node.write(path, f"#!/bin/sh\n{script}\n")
    node.path(path).chmod(0o755)


def prepare(node: Node) -> None:
    """What a node of operators has, and one of the lab has not: more bridges, whenever it boots."""
    bridges = "for bridge in br42 br100 br113; do ip link add $bridge type bridge; ip link set $bridge up; done"
    assert not node.run("sh", "-ec", bridges).failed
