# SPDX-License-Identifier: BSD-2-Clause
"""Consoles of guests under QEMU: who is on the line, how one leaves it, which address a name means."""

import os
import pty
import socket
import subprocess
import threading

import pytest

from ganeti.errors import WrongInput
from ganeti.model.disk import DiskTemplate
from ganeti.model.guest import Guest
from ganeti.model.parameters.backend import BackendParameters
from ganeti.model.parameters.hypervisor import KvmParameters
from ganeti.node.hypervisor.kvm import addresses
from ganeti.node.hypervisor.kvm.addresses import console_addresses
from ganeti.node.hypervisor.kvm.consoles import console_of
from ganeti.node.hypervisor.kvm.directory import GuestDirectory

SERIAL = KvmParameters(serial_console=True)


def guest(**more):
    values = {"disk_template": DiskTemplate.DISKLESS, "hvparams": {}, "beparams": BackendParameters(), **more}
    return Guest(uuid="0", name="web1.example.com", hypervisor="kvm", **values)


@pytest.fixture
def line(tmp_path):
    """The serial line of a guest that greets who connects."""
    directory = GuestDirectory(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(directory.serial))
        server.listen()

        def serve():
            client, _ = server.accept()
            client.sendall(b"login: ")
            while client.recv(1):
                pass

        threading.Thread(target=serve, daemon=True).start()
        yield directory


def read_until(terminal, text):
    said = b""
    while text not in said:
        said += os.read(terminal, 1024)
    return said


def test_a_console_says_how_to_leave_it_and_a_second_one_that_the_line_is_in_use(line):
    command = console_of(guest(), SERIAL, line, {}).command
    terminal, inner = pty.openpty()
    with subprocess.Popen(command, stdin=inner, stdout=inner, stderr=inner) as first:
        os.close(inner)  # so that reading ends with the console
        said = read_until(terminal, b"login: ")
        assert said.startswith(b"Connected to the serial console of web1.example.com; Ctrl-] leaves it.")
        second = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (second.returncode, second.stdout) == (1, "")
        assert second.stderr == "The serial console of web1.example.com is in use by somebody else.\n"
        os.write(terminal, b"\x1d")
        first.wait()


@pytest.mark.parametrize("bind", ["127.0.0.1", "lo"])
async def test_a_console_on_an_interface_is_at_its_address(tmp_path, bind):
    wanted = KvmParameters(serial_console=False, vnc_bind_address=bind)
    access = console_of(guest(network_port=11000), wanted, GuestDirectory(tmp_path), await console_addresses(wanted))
    assert (access.kind, access.host, access.port) == ("vnc", "127.0.0.1", 11000)


@pytest.mark.parametrize(("version", "address"), [(0, "192.0.2.1"), (4, "192.0.2.1"), (6, "2001:db8::1")])
async def test_of_the_addresses_of_an_interface_one_of_the_wanted_version_is_taken(monkeypatch, version, address):
    async def both(netlink, name):
        del netlink, name
        return [(socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")]

    monkeypatch.setattr(addresses, "_addresses_of", both)
    wanted = KvmParameters(spice_bind="lo", spice_ip_version=version)
    assert await console_addresses(wanted) == {"spice_bind": address}


async def test_an_interface_that_a_node_lacks_is_told_with_the_parameter():
    with pytest.raises(WrongInput, match="'vnc_bind_address': 'nosuch0' is neither an address nor a network interface"):
        await console_addresses(KvmParameters(vnc_bind_address="nosuch0"))


@pytest.mark.parametrize(
    ("bind", "fine"),
    [
        ("br0", True),
        ("eth0.10", True),
        ("0.0.0.0", True),
        ("::1", True),
        ("/run/vnc", True),
        ("300.1.1.1", False),
        ("a b", False),
    ],
)
def test_what_vnc_can_be_bound_to(bind, fine):
    assert (KvmParameters(vnc_bind_address=bind).problems() == []) is fine


def test_words_of_kvm_extra_are_held_together_by_quotes():
    assert KvmParameters(kvm_extra="-smbios 'type=1,product=My VM' -snapshot").extra_words() == [
        "-smbios",
        "type=1,product=My VM",
        "-snapshot",
    ]
    assert KvmParameters(kvm_extra="-name 'x").problems() == [
        "Parameter 'kvm_extra': no closing quotation in '-name 'x'"
    ]
