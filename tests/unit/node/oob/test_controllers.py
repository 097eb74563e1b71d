# SPDX-License-Identifier: BSD-2-Clause
"""The file that tells how management controllers are reached, and what programs make of a driver."""

import pytest

from ganeti.errors import ExecutionFailed
from ganeti.node.oob import main

DEFAULTS = '[defaults]\naddress = "{short}-bmc.example.com"\nuser = "ganeti"\npassword = "secret"\n'


class Driver:
    """A machine that takes some looks to have power, or to lose it."""

    def __init__(self, *, powered, looks=2):
        self.powered, self.looks, self.done, self.controller = powered, looks, [], None
        self._becomes = powered

    def power(self, controller, action):
        self.controller = controller
        if action:
            self.done.append(action)
            self._becomes = {"on": True, "off": False}.get(action, self.powered)
        elif self.powered != self._becomes:
            self.looks -= 1
            self.powered = self._becomes if self.looks <= 0 else self.powered
        return self.powered

    def health(self, controller):
        return [("Fan", "OK")]


def test_what_holds_for_a_node_counts_more_than_what_holds_for_all(controllers, run):
    controllers(f'{DEFAULTS}[nodes."node2.example.com"]\naddress = "192.0.2.2"\npassword = "other"\n')
    driver = Driver(powered=True)
    assert run(driver, "power-status", "node1.example.com") == (0, '{"powered": true}\n', "")
    assert (driver.controller.address, driver.controller.password) == ("node1-bmc.example.com", "secret")
    run(driver, "power-status", "node2.example.com")
    assert (driver.controller.address, driver.controller.password, driver.controller.user) == (
        "192.0.2.2",
        "other",
        "ganeti",
    )


@pytest.mark.parametrize(
    ("text", "mode", "told"),
    [
        (DEFAULTS, 0o640, "must belong to root and have mode 600"),
        ("[defaults", 0o600, "oob.toml: Expected"),
        ("", 0o600, "of node node1: Object missing required field `address`"),
        (f"{DEFAULTS}speed = 3\n", 0o600, "of node node1: Object contains unknown field `speed`"),
        (f"{DEFAULTS}fingerprint = '12'\n", 0o600, "of node node1: Expected `str` matching regex"),
        ("[node.node1]\n", 0o600, "Object contains unknown field `node`"),
    ],
)
def test_what_is_wrong_with_it_is_told_in_a_line(controllers, run, text, mode, told):
    controllers(text, mode)
    status, output, errors = run(Driver(powered=True), "power-status", "node1")
    assert (status, output, errors.count("\n")) == (1, "", 1)
    assert told in errors


def test_where_there_is_none_it_says_which(controllers, run, tmp_path):
    status, _, errors = run(Driver(powered=True), "power-status", "node1")
    assert status == 1
    assert (
        errors == f"{tmp_path}/etc/ganeti/oob.toml, which tells of management controllers: No such file or directory\n"
    )


def test_a_machine_is_switched_until_it_is_and_one_that_is_already_is_left_alone(controllers, run):
    controllers(DEFAULTS)
    driver = Driver(powered=False)
    assert run(driver, "power-off", "node1") == (0, "", "")
    assert run(driver, "power-on", "node1") == (0, "", "")
    assert run(driver, "power-on", "node1") == (0, "", "")
    assert (driver.done, driver.powered) == (["on"], True)


def test_one_that_is_not_off_in_time_is_told_to_be_on(controllers, run, monkeypatch):
    controllers(DEFAULTS)
    monkeypatch.setattr(main, "SWITCHING", 0.0)
    status, _, errors = run(Driver(powered=True, looks=10**6), "power-off", "node1")
    assert (status, errors) == (1, "It was told to switch off, and has not within 0 seconds\n")


def test_what_has_no_power_is_not_power_cycled(controllers, run):
    controllers(DEFAULTS)
    driver = Driver(powered=False)
    assert run(driver, "power-cycle", "node1")[0] == 1
    assert driver.done == []
    driver = Driver(powered=True)
    assert run(driver, "power-cycle", "node1") == (0, "", "")
    assert driver.done == ["cycle"]


def test_a_controller_that_fails_is_told_in_a_line(controllers, run, monkeypatch):
    controllers(DEFAULTS)

    def fail(self, controller):
        raise ExecutionFailed("192.0.2.1 does\nnot answer")

    monkeypatch.setattr(Driver, "health", fail)
    assert run(Driver(powered=True), "health", "node1") == (1, "", "192.0.2.1 does not answer\n")


@pytest.mark.parametrize("words", [[], ["power-on"], ["reboot", "node1"], ["health", "node1", "node2"]])
def test_how_it_is_used_is_told(run, words):
    status, output, errors = run(Driver(powered=True), *words)
    assert (status, output) == (1, "")
    assert errors.startswith("Usage: ganeti-oob {power-on|power-off|power-cycle|power-status|health} <node-name>")
