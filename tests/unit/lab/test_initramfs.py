# SPDX-License-Identifier: BSD-2-Clause
"""The initial file system: which modules are in it, and how it is packed."""

import gzip
import lzma

import pytest

from ganeti.errors import EnvironmentUnfit
from ganeti.lab import initramfs


@pytest.fixture
def tree(tmp_path):
    """Modules of a kernel: a needs b-c and d, b-c needs e; b_c.ko is compressed, e is built in."""
    needs = {"a": "b-c,d", "d": "e"}
    for name, depends in needs.items():
        (tmp_path / f"{name}.ko").write_bytes(b"\x7fELF\0depends=%s\0name=%s\0" % (depends.encode(), name.encode()))
    (tmp_path / "b-c.ko.xz").write_bytes(lzma.compress(b"\x7fELF\0depends=\0name=b_c\0"))
    (tmp_path / "modules.builtin").write_text("kernel/lib/e.ko\n")
    return tmp_path


def test_a_module_comes_after_those_that_it_needs(tree):
    assert [path.name for path in initramfs.modules_for(tree, ["a", "d"])] == ["b-c.ko.xz", "d.ko", "a.ko"]


def test_a_module_that_the_kernel_has_not_got_is_named(tree):
    with pytest.raises(EnvironmentUnfit, match="'virtio_blk'"):
        initramfs.modules_for(tree, ["virtio_blk"])


def test_a_compressed_module_is_packed_as_the_kernel_loads_it(tree):
    entry = initramfs.module(3, tree / "b-c.ko.xz")
    assert entry.path == "modules/03-b_c.ko"
    assert entry.content.startswith(b"\x7fELF")


def test_the_archive_holds_each_file_behind_a_header_at_a_multiple_of_four_bytes():
    entries = [initramfs.directory("dev"), initramfs.console(), initramfs.program("init", b"#!/bin/sh\n")]
    packed = gzip.decompress(initramfs.archive(entries))
    found = {}
    position = 0
    while position < len(packed):
        fields = [int(packed[position + 6 + 8 * n :][:8], 16) for n in range(13)]
        name = packed[position + 110 :][: fields[11] - 1].decode()
        content = -(-(position + 110 + fields[11]) // 4) * 4
        found[name] = (fields[1], fields[9:11], packed[content:][: fields[6]])
        assert packed[position : position + 6] == b"070701"
        position = -(-(content + fields[6]) // 4) * 4
    assert found == {
        "dev": (0o040755, [0, 0], b""),
        "dev/console": (0o020600, [5, 1], b""),
        "init": (0o100755, [0, 0], b"#!/bin/sh\n"),
        "TRAILER!!!": (0, [0, 0], b""),
    }


def test_equal_files_make_equal_archives():
    entries = [initramfs.program("init", b"")]
    assert initramfs.archive(entries) == initramfs.archive(entries)
