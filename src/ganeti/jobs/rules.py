# SPDX-License-Identifier: BSD-2-Clause
"""What the filters decide about a job ("Filtering of jobs for the Ganeti job queue").

The first filter whose predicates are all true decides, in the order of their ranks; one with CONTINUE never does. A
predicate is a condition, as in a query, on what its name says: the job's number, one of its operations, or one of the
entries in their reason trails.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec

from ganeti.declare.problems import Problems
from ganeti.declare.text import shortened
from ganeti.errors import GanetiError, WrongInput
from ganeti.model.job import Job
from ganeti.model.job_filter import JobFilter
from ganeti.query.filter import Filter, Test

_log = logging.getLogger(__name__)

_WATERMARK = "watermark"
_REASON_FIELDS = ("source", "reason", "timestamp")
# Such a reason limits the jobs that have exactly the same one.
_BUCKET = re.compile(r"rate-limit:([1-9][0-9]{0,8}):", re.ASCII)
_MARK = b'"rate-limit:'


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``most`` of the jobs with the same ``key`` may run at a time; ``told``: the source of the limit."""

    key: str
    most: int
    told: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """``held``: what keeps the job from starting, ``refused``: what rejects it, as text; empty if nothing does."""

    held: str = ""
    refused: str = ""
    limits: tuple[Limit, ...] = ()


FREE = Verdict()


class Looked:
    """A job as predicates see it: without its secrets, and parsed once."""

    def __init__(self, job: Job) -> None:
        self.id = job.id
        self._steps = job.steps

    @cached_property
    def operations(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(step.public, type=dict[str, Any]) for step in self._steps]

    @cached_property
    def reasons(self) -> list[dict[str, Any]]:
        """The entries of all reason trails, by the names of their parts. Any JSON, as whoever submits the job likes."""
        trails = [operation.get("reason") or [] for operation in self.operations]
        return [
            dict(zip(_REASON_FIELDS, entry, strict=True))
            for trail in trails
            for entry in trail
            if isinstance(entry, list) and len(entry) == len(_REASON_FIELDS)
        ]


def mentions_limit(job: Job) -> bool:
    """Whether a reason might limit it, without parsing it."""
    return any(_MARK in bytes(step.input) for step in job.steps)


def buckets(looked: Looked) -> tuple[Limit, ...]:
    """The rate-limiting reasons of a job, such as ``rate-limit:7:operation pink bunny``, with their limits."""
    reasons = {entry["reason"]: None for entry in looked.reasons if isinstance(entry["reason"], str)}
    found = [(reason, _BUCKET.match(reason)) for reason in reasons]
    return tuple(Limit(reason, int(match[1]), f"the reason '{shortened(reason)}'") for reason, match in found if match)


class Rule:
    """A filter ready to be evaluated. Raises WrongInput for invalid predicates, a line for each."""

    def __init__(self, of: JobFilter, ensure_known: Callable[[str, Any], None] = lambda name, value: None) -> None:
        """``ensure_known`` raises WrongInput for a parameter that no operation has, or a value that it cannot have."""
        self.filter = of
        self.told = f"filter {of.uuid} ({': '.join(filter(None, (of.action_in_words, of.why)))})"
        self._known = ensure_known
        problems = Problems()
        self._tests: list[Callable[[Looked], bool]] = []
        for place, (name, condition) in enumerate(of.predicates, 1):
            with problems.noted():
                self._tests.append(self._test(place, name, condition))
        problems.tell()

    def applies(self, looked: Looked) -> bool:
        """Whether this filter decides. Raises WrongInput if that cannot be evaluated."""
        return self.filter.action != "CONTINUE" and all(test(looked) for test in self._tests)

    def _test(self, place: int, name: str, condition: list[Any]) -> Callable[[Looked], bool]:
        where = f"Parameter 'predicates': predicate {place}"
        try:
            if name == "jobid":
                number = Filter(condition, self._watermark).bind(_one_of(("id",)))
                return lambda looked: number({"id": looked.id})
            if name == "opcode":
                operation = Filter(condition, self._of_operation).bind(self._parameter)
                return lambda looked: _any(operation, looked.operations)
            if name == "reason":
                reason = Filter(condition).bind(_one_of(_REASON_FIELDS))
                return lambda looked: _any(reason, looked.reasons)
        except WrongInput as error:
            raise WrongInput(f"{where}, '{name}': {error.message}") from None
        raise WrongInput(f"{where}: there is no '{shortened(name)}'; choose from jobid, opcode, reason")

    def _watermark(self, name: str, value: Any) -> Any:
        del name
        return self.filter.watermark if value == _WATERMARK else value

    def _of_operation(self, name: str, value: Any) -> Any:
        self._known(name, value)
        return value

    def _parameter(self, name: str) -> Callable[[Any], Any]:
        self._known(name, None)
        return lambda operation: operation.get(name)


class Rules:
    """All filters of a cluster."""

    def __init__(self, filters: Iterable[JobFilter] = ()) -> None:
        self._rules = list(_read(sorted(filters, key=lambda one: one.rank)))

    def judging(self, job: Job) -> Generator[None, None, Verdict]:
        """Their verdict on a job, evaluated one filter per step."""
        looked = Looked(job)
        limits = buckets(looked) if mentions_limit(job) else ()
        for rule in self._rules:
            if verdict := _verdict(rule, looked, limits):
                return verdict
            yield
        return Verdict(limits=limits)


def _verdict(rule: Rule, looked: Looked, limits: tuple[Limit, ...]) -> Verdict | None:
    """The verdict of a filter; None to go on to the next one. A job for which it cannot be evaluated is held."""
    try:
        if not rule.applies(looked):
            return None
    except WrongInput as error:
        return Verdict(held=f"{rule.told}, which cannot be applied to it: {error.message}")
    if rule.filter.limit is not None:
        return Verdict(limits=(Limit(rule.filter.uuid, rule.filter.limit, rule.told), *limits))
    if rule.filter.action == "PAUSE":
        return Verdict(held=rule.told)
    return Verdict(refused=rule.told) if rule.filter.action == "REJECT" else Verdict(limits=limits)


def _read(filters: Iterable[JobFilter]) -> Generator[Rule, None, None]:
    """Filters that an older version of the software accepted and this one cannot parse are left out."""
    for one in filters:
        try:
            yield Rule(one)
        except GanetiError as error:
            _log.error("The filter %s cannot be applied, and counts as not there: %s", one.uuid, error.message)


def _any(test: Test, things: Iterable[Any]) -> bool:
    return any(test(thing) for thing in things)


def _one_of(names: tuple[str, ...]) -> Callable[[str], Callable[[Any], Any]]:
    def getter(name: str) -> Callable[[Any], Any]:
        if name not in names:
            raise WrongInput(f"there is no field '{shortened(name)}'; choose from {', '.join(names)}")
        return lambda thing: thing[name]

    return getter
