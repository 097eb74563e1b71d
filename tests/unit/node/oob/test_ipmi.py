# SPDX-License-Identifier: BSD-2-Clause
"""IPMI, with an ipmitool that only writes down what it was told."""

import json

import pytest

from ganeti.node.oob import ipmi

FILE = '[defaults]\naddress = "192.0.2.7"\nuser = "ganeti"\npassword = "secret"\n'
SENSORS = """\
Ambient Temp     | 23 degrees C      | ok
FAN 1 RPM        | 3600 RPM          | ok
FAN 2 RPM        | 900 RPM           | nc
PS Redundancy    | 0x02              | cr
CPU2 Temp        | no reading        | ns
VBAT             | 2.1 Volts         | lnr
a line that is none
"""
PROGRAM = """\
#!/bin/sh
cd "$(dirname "$0")"
echo "$IPMI_PASSWORD: $*" >>asked
case $* in
*"power status") echo "Chassis Power is $(cat state)";;
*"power on") echo on >state; echo "Chassis Power Control: Up/On";;
*"power off") echo off >state; echo "Chassis Power Control: Down/Off";;
*"power cycle") echo "Chassis Power Control: Cycle";;
*"sdr list") cat sensors;;
esac
"""


@pytest.fixture
def bmc(tmp_path, monkeypatch, controllers):
    controllers(FILE)
    place = tmp_path / "bin"
    place.mkdir()
    (place / "ipmitool").write_text(PROGRAM)
    (place / "ipmitool").chmod(0o755)
    (place / "state").write_text("off\n")
    (place / "sensors").write_text(SENSORS)
    monkeypatch.setenv("PATH", str(place), prepend=":")
    return place


def asked(bmc):
    return (bmc / "asked").read_text().splitlines()


def test_it_switches_and_says_whether_there_is_power(bmc, run):
    assert run(ipmi, "power-status", "node1") == (0, '{"powered": false}\n', "")
    assert run(ipmi, "power-on", "node1") == (0, "", "")
    assert run(ipmi, "power-status", "node1") == (0, '{"powered": true}\n', "")
    assert run(ipmi, "power-cycle", "node1") == (0, "", "")
    assert run(ipmi, "power-off", "node1") == (0, "", "")
    assert run(ipmi, "power-status", "node1") == (0, '{"powered": false}\n', "")


def test_the_password_is_in_no_argument(bmc, run):
    run(ipmi, "power-status", "node1")
    assert asked(bmc) == ["secret: -I lanplus -H 192.0.2.7 -U ganeti -E chassis power status"]


def test_port_and_interface_can_be_told(bmc, run, controllers):
    controllers(f'{FILE}port = 6230\ninterface = "lan"\n')
    run(ipmi, "power-status", "node1")
    assert asked(bmc) == ["secret: -I lan -H 192.0.2.7 -p 6230 -U ganeti -E chassis power status"]


def test_sensors_are_its_health(bmc, run):
    status, output, errors = run(ipmi, "health", "node1")
    assert (status, errors) == (0, "")
    assert json.loads(output) == [
        ["Ambient Temp", "OK"],
        ["FAN 1 RPM", "OK"],
        ["FAN 2 RPM", "WARNING"],
        ["PS Redundancy", "CRITICAL"],
        ["CPU2 Temp", "UNKNOWN"],
        ["VBAT", "CRITICAL"],
    ]


def test_what_ipmitool_has_against_it_is_told(bmc, run):
    (bmc / "ipmitool").write_text("#!/bin/sh\necho 'Error: Unable to establish IPMI v2 / RMCP+ session' >&2; exit 1\n")
    told = "ipmitool chassis power status of 192.0.2.7: Error: Unable to establish IPMI v2 / RMCP+ session\n"
    assert run(ipmi, "power-on", "node1") == (1, "", told)


def test_an_answer_that_says_nothing_of_the_power_is_none(bmc, run):
    (bmc / "state").write_text("maybe\n")
    assert run(ipmi, "power-off", "node1")[0] == 1


def test_one_that_hangs_or_is_missing_is_told(bmc, run, monkeypatch):
    monkeypatch.setattr(ipmi, "_TIME", 0.1)
    (bmc / "ipmitool").write_text("#!/bin/sh\nexec sleep 3600\n")
    assert run(ipmi, "health", "node1") == (1, "", "192.0.2.7 did not answer ipmitool within 0 seconds\n")
    monkeypatch.setenv("PATH", str(bmc))
    (bmc / "ipmitool").unlink()
    assert run(ipmi, "health", "node1") == (1, "", "The program 'ipmitool' is not installed on this machine\n")
