# SPDX-License-Identifier: BSD-2-Clause
import pytest

from ganeti.rpc.authority import Term, write_term


@pytest.fixture
def path(tmp_path):
    """Of the term in which node1 is the master, the third."""
    write_term(tmp_path / "term", Term(3, "node1"))
    return tmp_path / "term"
