# SPDX-License-Identifier: BSD-2-Clause
"""What a parameter demands is found wherever it is given."""

from typing import Annotated, Any, ClassVar

import pytest

from ganeti.declare.item import Item
from ganeti.declare.parameter import param
from ganeti.declare.role import Role
from ganeti.errors import AccessDenied
from ganeti.jobs.operation import JobOperation
from ganeti.jobs.permission import ensure_may, ensure_may_change
from ganeti.model.caller import ROOT, Caller
from ganeti.model.job import Job

OPERATOR = Caller("operator", frozenset({Role.READ, Role.OPERATE}))
ADMIN = Caller("admin", frozenset(Role))


class Part(Item, frozen=True):
    size: Annotated[int, param("A size")] = 0
    path: Annotated[str, param("A path", reaches="path")] = ""


class Composed(JobOperation[None], frozen=True, kw_only=True, tag="OP_TEST_COMPOSED"):
    role: ClassVar[Role] = Role.OPERATE
    parts: Annotated[list[Part], param("Parts")] = []
    several: Annotated[list[dict[str, Any]], param("What becomes several")] = []
    hvparams: Annotated[dict[str, Any], param("Of a hypervisor")] = {}
    ndparams: Annotated[dict[str, Any], param("Of a node")] = {}
    osparams: Annotated[dict[str, Any], param("Of scripts")] = {}
    careless: Annotated[bool, param("Something risky", role=Role.ADMIN)] = False


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"parts": [Part(size=1), Part(path="/etc")]}, "parts/path"),
        ({"several": [{"name": "a"}, {"hvparams": {"kernel_path": "/x"}}]}, "several/kernel_path"),
        ({"hvparams": {"kvm": {}, "kvm_path": "/x"}}, "hvparams/kvm_path"),
        ({"hvparams": {"spice_bind": "0.0.0.0"}}, "hvparams/spice_bind"),
        ({"hvparams": {"use_chroot": False}}, "hvparams/use_chroot"),
        ({"ndparams": {"oob_program": "/x"}}, "ndparams/oob_program"),
        ({"osparams": {"a": "b"}}, "osparams"),
        ({"careless": True}, "careless"),
    ],
)
def test_it_takes_an_admin(given, named):
    operation = Composed(**given)
    ensure_may(ADMIN, operation)
    with pytest.raises(AccessDenied, match=f"'admin', which parameter '{named}' requires"):
        ensure_may(OPERATOR, operation)


def test_what_reaches_nothing_takes_no_admin():
    ensure_may(OPERATOR, Composed(parts=[Part(size=1)], hvparams={"acpi": False}, priority=5))


def test_only_an_admin_is_served_before_others():
    with pytest.raises(AccessDenied, match="priority"):
        ensure_may(OPERATOR, Composed(priority=-1))


def test_a_waiting_job_is_served_earlier_for_an_admin_and_later_for_whose_it_is():
    own, of_root = (Job(id=1, steps=(), received=0.0, caller=caller) for caller in (OPERATOR, ROOT))
    ensure_may_change(OPERATOR, own, priority=5)
    ensure_may_change(ADMIN, own, priority=-5)
    with pytest.raises(AccessDenied, match="priority"):
        ensure_may_change(OPERATOR, own, priority=-5)
    with pytest.raises(AccessDenied, match="submitted by"):
        ensure_may_change(OPERATOR, of_root, priority=5)
