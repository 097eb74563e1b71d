# SPDX-License-Identifier: BSD-2-Clause
"""What machines keep, in files."""

import os
import zlib
from pwd import getpwnam

import pytest

from ganeti.errors import WrongInput
from ganeti.model.machine_state import LARGEST_PART, MachineState
from ganeti.node.hypervisor.kvm.kept import Kept

UUID = "00000000-0000-4000-8000-000000000001"


@pytest.fixture
def kept(tmp_path):
    return Kept(tmp_path, UUID)


def test_what_one_node_has_the_other_gets_and_nothing_is_left_of_what_it_had(kept, tmp_path):
    state = MachineState({"uefi": zlib.compress(b"x" * 1000)})
    kept.write(MachineState({"uefi-secure": zlib.compress(b"old")}))
    kept.write(state)
    assert kept.read() == state
    assert [path.name for path in kept.path.iterdir()] == ["uefi.vars"]
    assert {path.stat().st_mode & 0o77 for path in (kept.path, *kept.path.iterdir())} == {0}
    kept.forget()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("packed", [b"", b"rubbish", zlib.compress(b"x")[:-1], zlib.compress(bytes(LARGEST_PART + 1))])
def test_what_is_damaged_or_too_large_replaces_nothing(kept, packed):
    before = MachineState({"uefi": zlib.compress(b"old")})
    kept.write(before)
    with pytest.raises(WrongInput, match=r"What a machine keeps \('uefi'\) is damaged, or larger than"):
        kept.write(MachineState({"uefi": packed}))
    assert kept.read() == before


@pytest.mark.parametrize("uuid", ["", "..", "../../etc", f"{UUID}/..", f"{UUID}\n"])
def test_a_uuid_that_is_none_leads_nowhere(tmp_path, uuid):
    with pytest.raises(WrongInput, match="is not a UUID"):
        Kept(tmp_path, uuid)


def test_what_was_planted_where_a_tpm_has_its_state_is_neither_read_nor_given_away(kept, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("secret")
    kept.prepare(None, tpm=True, fresh=False)
    planted = kept.tpm / "tpm2-00.permall"
    for plant in (planted.symlink_to, planted.hardlink_to):
        plant(secret)
        if planted.is_symlink():
            with pytest.raises(OSError, match="symbolic links"):
                kept.read()
        kept.leave_tpm_to(getpwnam("nobody"))
        assert not planted.exists()
    assert secret.stat().st_uid == os.getuid()
    os.mkfifo(planted)
    with pytest.raises(OSError, match="not a regular file"):
        kept.read()
    kept.forget()
    assert secret.read_text() == "secret"
