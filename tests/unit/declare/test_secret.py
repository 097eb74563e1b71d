# SPDX-License-Identifier: BSD-2-Clause
"""What is secret is blanked wherever it is."""

from typing import Annotated

import pytest
from msgspec import Struct

from ganeti.declare.parameter import param
from ganeti.declare.secret import BLANK, blanked, has_secrets


class Key(Struct):
    password: Annotated[str, param("Its password", secret=True)] = ""
    name: Annotated[str, param("Its name")] = ""


class Ring(Struct):
    one: Annotated[Key | None, param("A key")] = None
    keys: Annotated[list[Key], param("Keys")] = []
    named: Annotated[dict[str, Key], param("Keys by name")] = {}


GIVEN = {"password": "p", "name": "n"}
SHOWN = {"password": BLANK, "name": "n"}


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ({"one": GIVEN}, {"one": SHOWN}),
        ({"keys": [GIVEN, {"name": "n"}]}, {"keys": [SHOWN, {"name": "n"}]}),
        ({"named": {"a": GIVEN}}, {"named": {"a": SHOWN}}),
        ({"one": None, "unknown": 1}, {"one": None, "unknown": 1}),
        ({"one": {"password": ""}}, {"one": {"password": ""}}),
    ],
)
def test_secrets_are_blanked_and_nothing_else(values, shown):
    assert blanked(Ring, values) == shown


def test_a_struct_has_the_secrets_of_what_it_contains():
    class Plain(Struct):
        name: Annotated[str, param("Its name")] = ""

    assert has_secrets(Key)
    assert has_secrets(Ring)
    assert not has_secrets(Plain)
