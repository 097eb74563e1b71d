# SPDX-License-Identifier: BSD-2-Clause
"""Files that are read often."""

from ganeti.host import files
from ganeti.host.files import TextFile, write_atomic


def test_a_file_that_is_read_often_is_read_anew_when_it_has_changed_and_only_then(tmp_path, monkeypatch):
    read, opened = files.read_text, []
    monkeypatch.setattr(files, "read_text", lambda path: opened.append(path) or read(path))
    file = TextFile(tmp_path / "fact")
    assert file.read() is None
    for text in ("one", "two"):
        opened.clear()
        write_atomic(file.path, f"{text}\n")
        assert [file.read(), file.read()] == [text, text]
        assert opened == [file.path]
    file.path.unlink()
    assert file.read() is None
