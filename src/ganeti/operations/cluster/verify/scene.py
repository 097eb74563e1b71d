# SPDX-License-Identifier: BSD-2-Clause
"""The input of checks: the configuration, and what its nodes have answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast

from ganeti.errors import GanetiError, NodeCallFailed
from ganeti.model.group import Group
from ganeti.model.instance import Instance
from ganeti.model.node import Node
from ganeti.model.state import State
from ganeti.rpc.call import Call

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Question(Generic[R]):
    """What a check needs to know about nodes; those for which ``call`` returns None are not asked.

    ``about`` completes the sentence "the node could not tell ...".
    """

    about: str
    call: Callable[[Scene, Node], Call[R] | None]


@dataclass(frozen=True, slots=True)
class Answers:
    """Of one node: for each question the answer, or why there is none. Times are those of the master's clock."""

    by_question: Mapping[Question[Any], Any] = field(default_factory=dict)
    asked: float = 0.0
    answered: float = 0.0

    @property
    def none(self) -> bool:
        """Whether the node did not answer at all."""
        found = self.by_question.values()
        return bool(found) and all(isinstance(answer, NodeCallFailed) for answer in found)


@dataclass(frozen=True, slots=True)
class Scene:
    """``group`` is None where the whole configuration is checked. ``answers`` by the names of nodes.

    ``busy``: names of instances that a job is working on. ``replicas``: what is wrong with them, by node.
    ``silent``: names of nodes that did not answer at all, which only one check reports.
    ``address``: the known problem of the cluster's address.
    ``allocator``: that of the default allocator. ``unreadable``: what could not be read from the stored state, with the
    reason.
    """

    state: State
    nodes: tuple[Node, ...]
    group: Group | None = None
    busy: frozenset[str] = frozenset()
    replicas: Mapping[str, str] = field(default_factory=dict)
    silent: frozenset[str] = frozenset()
    address: str = ""
    allocator: str = ""
    unreadable: Mapping[str, str] = field(default_factory=dict)
    now: float = 0.0
    answers: Mapping[str, Answers] = field(default_factory=dict)

    @property
    def online(self) -> list[Node]:
        return [node for node in self.nodes if not node.offline]

    @property
    def instances(self) -> list[Instance]:
        """The instances whose primary node is checked."""
        nodes = {node.uuid for node in self.nodes}
        return [instance for instance in self.state.instances if instance.primary_node in nodes]

    def answered(self, question: Question[R]) -> Iterator[tuple[Node, R]]:
        """The nodes that have an answer, with it."""
        for node in self.nodes:
            answer = self._answer(node, question)
            if answer is not None and not isinstance(answer, GanetiError):
                yield node, cast("R", answer)

    def unanswered(self, node: Node) -> Mapping[Question[Any], GanetiError]:
        """The questions that a node did not answer, and why."""
        answers = self.answers[node.name].by_question if node.name in self.answers else {}
        return {question: answer for question, answer in answers.items() if isinstance(answer, GanetiError)}

    def moments(self, node: Node) -> tuple[float, float]:
        """When the node was asked, and when it had answered."""
        return self.answers[node.name].asked, self.answers[node.name].answered

    def _answer(self, node: Node, question: Question[Any]) -> Any:
        answers = self.answers.get(node.name)
        return answers.by_question.get(question) if answers else None
