# SPDX-License-Identifier: BSD-2-Clause
"""``move-instance``: what is created in the other cluster, and command lines that make no sense."""

import sys

import pytest

from ganeti.cli.move_instance.copy import creation
from ganeti.cli.move_instance.main import main
from ganeti.errors import WrongInput

DESCRIBED = {
    "name": "web1.example.com",
    "config_state": "up",
    "disk_template": "plain",
    "disks": [
        {"size": 62, "mode": "rw", "name": "root", "format": "raw"},
        {"size": 32, "mode": "ro", "name": None, "format": "raw", "limits": "iops=500,bps=50"},
    ],
    "nics": [
        ["eth0", "uuid", "aa:00:00:00:00:01", "192.0.2.1", "bridged", "br0", "", "net1"],
        [None, "uuid", "aa:00:00:00:00:02", None, "bridged", "br1", ".5", None],
    ],
    "os": "tiny",
    "os_actual": {"suite": "a"},
    "hypervisor": "kvm",
    "hv_instance": {},
    "hv_actual": {"vga": "std", "kernel_path": None, "migration_port": 8102},
    "be_actual": {"maxmem": 128},
    "tags": ["blue"],
}
PREPARED = {"handshake": [0, "h", "s"], "x509_ca": "pem", "x509_key_name": ["k", "h", "s"], "disk_sizes": [64, 32]}


def test_it_is_as_it_was():
    made = creation(DESCRIBED, PREPARED, {})
    assert made["disks"] == [
        {"size": 64, "mode": "rw", "name": "root"},
        {"size": 32, "mode": "ro", "iops": "500", "bps": "50"},
    ]
    assert made["nics"] == [
        {"mac": "aa:00:00:00:00:01", "ip": "192.0.2.1", "network": "net1", "name": "eth0"},
        {"mac": "aa:00:00:00:00:02", "mode": "bridged", "link": "br1", "vlan": ".5"},
    ]
    assert (made["hvparams"], made["beparams"], made["osparams"]) == ({"vga": "std"}, {"maxmem": 128}, {"suite": "a"})
    assert (made["instance_name"], made["start"], made["tags"]) == ("web1.example.com", True, ["blue"])


def test_but_for_what_the_command_line_says():
    given = {
        "dest_instance_name": "web2.example.com",
        "disks": [("1", {"size": "1g"})],
        "nics": [("0", {"network": "net2", "ip": "pool"}), ("1", {"link": "br9"}), ("2", {})],
        "hypervisor_and_parameters": (None, {"vga": "cirrus"}),
        "beparams": {"maxmem": "1g"},
    }
    made = creation(DESCRIBED, PREPARED, given)
    assert made["disks"][1] == {"size": "1g", "mode": "ro", "iops": "500", "bps": "50"}
    assert made["nics"] == [
        {"mac": "aa:00:00:00:00:01", "network": "net2", "ip": "pool", "name": "eth0"},
        {"mac": "aa:00:00:00:00:02", "mode": "bridged", "link": "br9", "vlan": ".5"},
        {},
    ]
    assert (made["hvparams"], made["beparams"]) == ({"vga": "cirrus"}, {"maxmem": "1g"})
    other = creation(DESCRIBED, PREPARED, {"hypervisor_and_parameters": ("fake", {})})
    assert (other["hypervisor"], other["hvparams"]) == ("fake", {})


@pytest.mark.parametrize(
    ("disks", "told"),
    [([("0", {"size": "60m"})], "the disk has 64M, all of which is moved"), ([("2", {"size": "1g"})], "has 2 disks")],
)
def test_a_disk_cannot_become_smaller_nor_come_from_nowhere(disks, told):
    with pytest.raises(WrongInput, match=told):
        creation(DESCRIBED, PREPARED, {"disks": disks})


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("one two", "give the two clusters and an instance"),
        ("one two web1 web2 --net=0:link=br1", "--net: for one instance alone, and 2 are named"),
        ("one two web1 web1", "web1: named twice"),
        ("one two web1 -I hail --dest-primary-node=node1", "either --dest-primary-node or --iallocator"),
        ("one two web1 --dest-secondary-node=node1", "give --dest-primary-node too"),
        ("one two web1 --parallel=0", "--parallel: give a number from 1 to 16"),
        ("one two web1 --src-username=mover", "Give --src-password-file=FILE too, with the password of mover"),
        ("one two web1 --src-ca-file=/nonexistent", "/nonexistent: No such file"),
        ("one two web1 --src-ca-file=/etc/hostname", "/etc/hostname has no certificate in PEM"),
        ("one two web1 --compress=lzop", "--compress"),
        ("one two web1 --what", "--what"),
    ],
)
def test_a_command_line_that_makes_no_sense_is_refused(monkeypatch, capsys, words, told):
    monkeypatch.setattr(sys, "argv", ["move-instance", *words.split()])
    assert main() != 0
    assert told in capsys.readouterr().err


def test_a_cluster_that_cannot_be_reached_is_named_and_the_others_are_tried(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["move-instance", "--src-rapi-port=1", "127.0.0.1", "127.0.0.2", "web1", "web2"])
    assert main() == 1
    told = capsys.readouterr().err
    for name in ("web1", "web2"):
        assert f"{name} was not moved: The remote API of 127.0.0.1 (port 1) cannot be reached" in told


def test_its_help_fits_into_80_columns(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["move-instance", "--help"])
    assert main() == 0
    told = capsys.readouterr().out
    assert "--keep-source-instance" in told
    assert max(map(len, told.splitlines())) <= 80
