# SPDX-License-Identifier: BSD-2-Clause
"""Guests with a TPM, and its process."""

import os
import signal

import pytest
from msgspec.structs import replace

from ganeti.errors import HypervisorFailed
from ganeti.host.process import until
from ganeti.model.parameters import as_mapping, filled
from ganeti.model.parameters.hypervisor import KvmParameters
from ganeti.node.hypervisor.kvm.kept import Kept
from tests.contract.hypervisor.conftest import PATIENCE

# A guest's user space that asks the TPM again and again how often it has been reset since it was made (TPM 2.0 Library,
# part 3, TPM2_ReadClock): that is the least byte of what follows the head and two clocks.
ASK = (
    "quiet console=ttyS0 rdinit=/bin/busybox -- sh -c "
    '"/bin/busybox mount -t devtmpfs devtmpfs /dev; while :; do exec 3<>/dev/tpm0; '
    r"printf '\200\001\0\0\0\012\0\0\001\201' >&3; "
    "set -- $(/bin/busybox dd bs=64 count=1 <&3 | /bin/busybox od -An -tu1 -v); exec 3<&-; "
    'echo COUNT ${30} resets > /dev/console; /bin/busybox sleep 1; done"'
)
RIGHTS = {
    "root": {},
    "few rights": {"security_model": "user", "security_domain": "nobody", "use_chroot": True},
    "pc": {"machine_version": "pc"},
}


def with_tpm(kvm, **hvparams):
    guest = kvm.guest(hvparams={"tpm": True, "kernel_args": ASK} | hvparams)
    return replace(guest, hvparams=as_mapping(filled(KvmParameters, guest.hvparams)))


def kept(kvm, guest, node=0):
    return Kept(kvm.nodes[node].paths.machines, guest.uuid)


@pytest.mark.parametrize("rights", RIGHTS.values(), ids=RIGHTS)
async def test_the_state_of_a_tpm_survives_restarts_and_goes_to_another_node(kvm, rights):
    guest = with_tpm(kvm, **rights)
    first = await kvm.first_count(guest)
    await kvm.kill(guest)
    assert await kvm.first_count(guest) == first + 1
    await kvm.kill(guest)
    await kvm.other.driver.keep(guest, await kvm.node.driver.kept(guest))
    assert await kvm.first_count(guest, node=1) == first + 2
    await kvm.kill(guest, node=1)
    await kvm.other.driver.forget(guest, variables_only=True)
    assert await kvm.first_count(guest, node=1) == first + 3


@pytest.mark.parametrize("rights", [RIGHTS["root"], RIGHTS["few rights"]], ids=["root", "few rights"])
async def test_a_tpm_is_migrated_with_its_guest_without_a_reset(kvm, rights):
    guest = with_tpm(kvm, **rights)
    await kvm.first_count(guest)
    await kvm.kill(guest)
    before = await kvm.first_count(guest)
    await kvm.move(guest)
    assert await kvm.count(guest, node=1) == before
    assert not kept(kvm, guest).path.exists()
    await kvm.kill(guest, node=1)
    assert await kvm.first_count(guest, node=1) == before + 1


async def test_its_process_ends_with_qemu_and_not_with_the_node_daemon(kvm):
    guest = with_tpm(kvm)
    await kvm.start(guest)
    await kvm.up(guest)
    swtpm = kept(kvm, guest).tpm_process()
    await kvm.again()
    await kvm.count(guest)
    assert kept(kvm, guest).tpm_process() == swtpm
    os.kill(kvm.process(guest), signal.SIGKILL)
    await kvm.node.until("crashed")
    assert await until(lambda: kept(kvm, guest).tpm_process() is None, timeout=PATIENCE)
    kvm.forget_consoles()
    await kvm.first_count(guest)


async def test_a_process_that_does_not_end_is_killed_before_the_next_start(kvm, monkeypatch):
    monkeypatch.setattr("ganeti.node.hypervisor.kvm.swtpm._ENDING", 0.1)
    guest = with_tpm(kvm)
    await kvm.start(guest, paused=True)
    swtpm = kept(kvm, guest).tpm_process()
    os.kill(swtpm, signal.SIGSTOP)
    await kvm.kill(guest)
    await kvm.first_count(guest)
    assert kept(kvm, guest).tpm_process() not in (None, swtpm)


async def test_a_guest_whose_tpm_cannot_be_read_is_not_started(kvm):
    guest = with_tpm(kvm)
    await kvm.first_count(guest)
    await kvm.kill(guest)
    (kept(kvm, guest).tpm / "tpm2-00.permall").write_bytes(b"rubbish")
    with pytest.raises(HypervisorFailed, match=r"does not start: .*tpm"):
        await kvm.start(guest)


async def test_what_cannot_be_read_is_named(kvm):
    guest = with_tpm(kvm)
    kept(kvm, guest).tpm.mkdir(parents=True)
    os.mkfifo(kept(kvm, guest).tpm / "tpm2-00.permall")
    with pytest.raises(HypervisorFailed, match=r"tpm2-00\.permall cannot be used: it is not a regular file"):
        await kvm.node.driver.kept(guest)


@pytest.mark.parametrize("rights", [RIGHTS["root"], RIGHTS["few rights"]], ids=["root", "few rights"])
async def test_a_tpm_goes_with_its_guest_to_another_qemu_on_its_node_without_a_reset(kvm, rights):
    guest = with_tpm(kvm, **rights)
    before = await kvm.first_count(guest)
    for _ in range(2):
        await kvm.node.driver.renew(guest, kvm.resources(guest), kvm.report(), live=True)
        kvm.forget_consoles()
        assert await kvm.count(guest) == before
    assert [path.name for path in kept(kvm, guest).path.iterdir()] == ["tpm"]
    await kvm.kill(guest)
    assert await kvm.first_count(guest) == before + 1
