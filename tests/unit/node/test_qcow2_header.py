# SPDX-License-Identifier: BSD-2-Clause
"""What the header of an image may say, as QEMU's docs/interop/qcow2.txt has it."""

import struct

import pytest

from ganeti.node.storage.qcow2.header import parse

MIB = 1024**2
LENGTH = 4 * 65536


def header(*, magic=b"QFI\xfb", version=3, backing=0, bits=16, size=MIB, crypt=0, entries=1, features=0):
    """Of an image whose two tables end where its four clusters do."""
    fixed = struct.pack(
        ">4sIQIIQIIQQIIQ", magic, version, backing, 0, bits, size, crypt, entries, 3 * 65536, 65536, 1, 0, 0
    )
    return fixed + struct.pack(">QQQII", features, 0, 0, 4, 104)


def problem(length=LENGTH, **more):
    return parse(header(**more)).problem(length)


@pytest.mark.parametrize("more", [{}, {"version": 2}, {"features": 0b11001}, {"entries": 8192}])
def test_an_image_that_is_one_file_has_no_problem(more):
    assert problem(**more) == ""
    assert parse(header(**more)).size == MIB


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"version": 1}, "has version 1 of the format"),
        ({"version": 4}, "has version 4 of the format"),
        ({"backing": 112}, "names a backing file"),
        ({"backing": 2**63}, "names a backing file"),
        ({"features": 0b100}, "names a file that has its data"),
        ({"features": 0b110}, "names a file that has its data"),
        ({"crypt": 2}, "is encrypted"),
        ({"features": 1 << 5}, "are not known (0x20)"),
        ({"features": 0b10}, "was found to be corrupt"),
        ({"length": LENGTH // 2}, "is cut off"),
        ({"entries": 8193}, "is cut off"),
        ({"bits": 2**32 - 1}, "is cut off"),
    ],
)
def test_what_else_it_says_keeps_it_from_being_used(more, told):
    assert told in problem(**more)


def test_features_are_no_part_of_the_older_version():
    assert problem(version=2, features=0b100) == ""


@pytest.mark.parametrize("beginning", [b"", b"QFI\xfb", header()[:71], header(magic=b"QED\0"), bytes(200)])
def test_what_is_no_image_is_none(beginning):
    assert parse(beginning) is None
