# SPDX-License-Identifier: BSD-2-Clause
"""What gnt-instance info says of an instance's screen, which scripts cut up."""

import pytest

from ganeti.cli.instance import _screen

DATA = {"name": "web1.example.com", "pnode": "node1.example.com", "network_port": 11003, "pending": []}


@pytest.mark.parametrize(
    ("bound", "told"),
    [
        ("127.0.0.1", "vnc to 127.0.0.1:11003 (node node1.example.com) (display 5103)"),
        ("0.0.0.0", "vnc to node1.example.com:11003 (display 5103)"),
        ("/run/vnc", "vnc to /run/vnc/web1.example.com.vnc (node node1.example.com)"),
        ("", ""),
    ],
)
def test_it_names_what_one_connects_to(bound, told):
    assert _screen({**DATA, "hv_actual": {"vnc_bind_address": bound}}) == told


def test_it_is_where_the_guest_that_runs_has_it():
    data = {**DATA, "hv_actual": {"vnc_bind_address": ""}, "pending": [["vnc_bind_address", "::", ""]]}
    assert _screen(data) == "vnc to node1.example.com:11003 (display 5103)"


def test_a_hypervisor_without_screens_has_none():
    assert _screen({**DATA, "hv_actual": {}}) == ""
