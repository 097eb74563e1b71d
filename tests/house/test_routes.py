# SPDX-License-Identifier: BSD-2-Clause
"""What the remote API and commands lead to: no two routes are alike, and all names in them are ones that there are."""

from collections import Counter

import pytest

from ganeti.api.reader import Reader
from ganeti.api.resources import FEATURES, RESOURCES
from ganeti.declare.parameter import kind_of, member_of, parameters_of
from ganeti.operations import all_operations, find

ROUTES = [(operation, route) for operation in all_operations() for route in operation.routes]
COMMANDS = [(operation, command) for operation in all_operations() for command in operation.commands]


def test_no_two_routes_are_alike():
    given = Counter((route.method, f"/2{route.path}") for _, route in ROUTES)
    given += Counter((resource.method, resource.path) for resource in RESOURCES)
    assert [route for route, times in given.items() if times > 1] == []


@pytest.mark.parametrize(("operation", "route"), ROUTES)
def test_a_route_names_parameters_of_its_operation(operation, route):
    parameters = operation.parameters()
    named = {*route.path_names, *route.query.values(), *route.renamed.values(), *route.fixed, *route.defaults}
    assert named | route.renamed_inside.keys() <= parameters.keys()
    for wire_name in (route.around.before, route.around.after) if route.around else ():
        assert set(route.path_names) <= find(wire_name).parameters().keys()
    for parameter, names in route.renamed_inside.items():
        assert set(names.values()) <= parameters_of(kind_of(member_of(parameters[parameter].type))).keys()


@pytest.mark.parametrize(("operation", "command"), COMMANDS)
def test_what_a_command_stands_for_are_parameters_of_its_operation(operation, command):
    assert command.fixed.keys() <= operation.parameters().keys()


def test_what_can_be_read_is_answered_and_nothing_else():
    handlers = {resource.handler for resource in RESOURCES}
    assert handlers == {name for name in vars(Reader) if not name.startswith("_")}


def test_a_feature_is_promised_if_the_operation_that_has_it_can_be_reached():
    reached = {operation.wire_name() for operation, route in ROUTES if route.body}
    assert set(FEATURES.values()) <= reached
