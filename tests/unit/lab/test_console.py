# SPDX-License-Identifier: BSD-2-Clause
"""What is understood of a guest's console."""

import socket

import pytest

from ganeti.errors import ExecutionFailed
from ganeti.lab.console import Console, Count, Up


@pytest.fixture
def guest(tmp_path):
    """(a console, the guest's end of it)"""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "serial"))
        server.listen()
        with Console(tmp_path / "serial") as console:
            end, _ = server.accept()
            with end:
                yield console, end


def test_a_count_is_read_whole_even_if_it_comes_in_parts(guest):
    console, end = guest
    end.sendall(b"half a line COUNT 7 1.5\r\nCOUNT 8 1.7")
    assert console.count() == Count(7, 1.5)
    end.sendall(b"5\r\n")
    assert console.count() == Count(8, 1.75)


def test_a_guest_is_asked_whether_it_is_up(guest):
    console, end = guest
    end.sendall(b"[    0.1] booting\r\nCOUNT 3 0.2\r\nTINY-GUEST UP name=g.lab.test boot=2 uptime=3.1\r\n")
    assert console.up() == Up("g.lab.test", 2)
    assert end.recv(100) == b"status\n"


def test_a_guest_tells_what_records_it_has_found_and_what_it_keeps_until_it_ends(guest):
    console, end = guest
    end.sendall(b"TINY-GUEST UP name=g boot=2 uptime=3.1 records=1-57\r\nRECORD 58\r\nCOUNT 3 0.2\r\nRECORD 59\r\n")
    assert console.up() == Up("g", 2, "1-57")
    assert console.record() == 58
    end.sendall(b"RECORD 60\r\nRECORD 6")
    end.close()
    assert console.last_record() == 60


def test_a_silent_guest_is_reported_with_its_last_words(guest):
    console, end = guest
    end.sendall(b"Kernel panic\r\n\r\n")
    told = r"did not count within 0 s; the last lines of its console:\nKernel panic"
    with pytest.raises(ExecutionFailed, match=told):
        console.count(timeout=0.05)


def test_a_guest_that_ends_is_not_waited_for(guest):
    console, end = guest
    end.close()
    with pytest.raises(ExecutionFailed, match="did not count before its console was closed; its console said nothing"):
        console.count()


def test_a_console_that_nobody_serves_is_named(tmp_path):
    with pytest.raises(ExecutionFailed, match=r"/none does not answer"):
        Console(tmp_path / "none")
