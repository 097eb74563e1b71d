# SPDX-License-Identifier: BSD-2-Clause
"""OS providers' scripts, written as ganeti-os-interface(7) says and run on real files."""

import asyncio
import contextlib
import errno
import os
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from ganeti.errors import EnvironmentUnfit, ExecutionFailed, InsufficientResources, WrongInput, WrongState
from ganeti.host import certificates
from ganeti.host.clock import WallClock
from ganeti.host.paths import Paths
from ganeti.model.disk import Disk, DiskTemplate
from ganeti.model.entity import evolve
from ganeti.model.guest import Guest, GuestNic
from ganeti.model.network import NetworkFacts
from ganeti.model.parameters.backend import BackendParameters
from ganeti.node import channel
from ganeti.node.dump_stream import Outgoing
from ganeti.node.equipment import of_this_machine
from ganeti.node.exports import Exports
from ganeti.node.guests import Guests
from ganeti.node.hypervisor.driver import Resources
from ganeti.node.osinstall.installer import Installer
from ganeti.rpc.contract import backup
from ganeti.rpc.contract import os as contract
from ganeti.rpc.contract.copying import Party
from ganeti.rpc.server import Report
from tests.unit.host.test_tls import equip

UUID = "6ba7b810-9dad-41d1-80b4-00c04fd430c8"
SCRIPTS = {
    "create": 'env | sort; printf %s "$INSTANCE_NAME" | dd of="$DISK_0_PATH" conv=notrunc status=none',
    "rename": 'echo "from $OLD_INSTANCE_NAME to $INSTANCE_NAME"',
    "export": 'stat -c %s "$EXPORT_DEVICE" >&"$EXP_SIZE_FD"; echo exporting >&2; cat "$EXPORT_DEVICE"',
    "import": 'echo importing; cat >"$IMPORT_DEVICE"',
    "verify": '[ "$1" = parameters ] && [ "$OSP_SUITE" != bad ] || { echo "no suite $OSP_SUITE"; exit 3; }',
}


@pytest.fixture
async def node(tmp_path):
    """A node with a provider ``debian``; ``script`` replaces one of its scripts."""
    paths = Paths(tmp_path)
    provider = paths.under("/srv/ganeti/os/debian")
    provider.mkdir(parents=True)
    (provider / "ganeti_api_version").write_text("20\n15\n")
    (provider / "variants.list").write_text("default\nminimal\n")
    (provider / "parameters.list").write_text("suite which release\n")

    def script(name, text, interpreter="#!/bin/sh -e"):
        (provider / name).write_text(f"{interpreter}\n{text}\n")
        (provider / name).chmod(0o755)

    for name, text in SCRIPTS.items():
        script(name, text)
    equip(paths, certificates.create_authority("c"), name="node1")
    equipment = of_this_machine("node1", paths, WallClock())
    paths.under("/srv/ganeti/file-storage").mkdir(parents=True)
    disk = Disk(uuid=UUID, template=DiskTemplate.FILE, size=1, location="/srv/ganeti/file-storage/web1/disk0")
    await equipment.storage(DiskTemplate.FILE).create(disk, (), Report())
    return SimpleNamespace(
        paths=paths,
        provider=provider,
        script=script,
        equipment=equipment,
        installer=Installer(equipment, Guests(equipment)),
        exports=Exports(equipment),
        disk=paths.under(disk.location),
        guest=guest(disk),
    )


def guest(*disks, **more):
    values = {
        "uuid": UUID,
        "name": "web1",
        "hypervisor": "fake",
        "disk_template": DiskTemplate.FILE,
        "hvparams": {"disk_type": "paravirtual"},
        "beparams": BackendParameters(),
        "os": "debian+minimal",
        "osparams": {"suite": "trixie"},
        "disks": disks,
        "nics": (GuestNic(uuid="nic-0", mac="aa:00:00:12:34:56", mode="bridged", link="br0", ip="192.0.2.7"),),
    }
    return Guest(**(values | more))


def said(report):
    return [line.log for line in report.drain() if isinstance(line.log, str)]


def logs(node):
    return sorted((node.paths.log / "os").iterdir())


async def test_create_writes_to_the_disk_and_is_told_what_the_interface_promises(node):
    report = Report()
    await node.installer.install(contract.InstallOs(guest=node.guest, debug_level=1), report)
    assert node.disk.read_bytes().startswith(b"web1\0")
    told = dict(line.split("=", 1) for line in said(report))
    expected = {
        "OS_API_VERSION": "20",
        "INSTANCE_NAME": "web1",
        "INSTANCE_OS": "debian",
        "OS_NAME": "debian",
        "OS_VARIANT": "minimal",
        "OSP_SUITE": "trixie",
        "HYPERVISOR": "fake",
        "DEBUG_LEVEL": "1",
        "DISK_COUNT": "1",
        "DISK_0_PATH": str(node.disk),
        "DISK_0_SIZE": "1",
        "DISK_0_ACCESS": "rw",
        "DISK_0_BACKEND_TYPE": "file:loop",
        "NIC_COUNT": "1",
        "NIC_0_MAC": "aa:00:00:12:34:56",
        "NIC_0_IP": "192.0.2.7",
        "NIC_0_MODE": "bridged",
        "NIC_0_LINK": "br0",
        "NIC_0_BRIDGE": "br0",
    }
    assert {name: told.get(name) for name in expected} == expected
    assert "INSTANCE_REINSTALL" not in told
    assert told["PWD"] == str(node.provider)


async def test_a_script_is_told_of_the_network_of_a_card_as_far_as_that_has_it(node):
    network = NetworkFacts(uuid="net-0", name="net1", subnet="192.0.2.0/24", gateway="192.0.2.1", tags=("a", "b"))
    card = GuestNic(uuid="n", mac="aa:00:00:00:00:01", mode="bridged", link="br0", ip="192.0.2.7", network=network)
    report = Report()
    await node.installer.install(contract.InstallOs(guest=evolve(node.guest, nics=(card,))), report)
    told = dict(line.split("=", 1) for line in said(report))
    assert {name: value for name, value in told.items() if "NETWORK" in name} == {
        "NIC_0_NETWORK_NAME": "net1",
        "NIC_0_NETWORK_UUID": "net-0",
        "NIC_0_NETWORK_SUBNET": "192.0.2.0/24",
        "NIC_0_NETWORK_GATEWAY": "192.0.2.1",
        "NIC_0_NETWORK_TAGS": "a b",
    }


HERE, NODE1 = "127.0.0.1", Party("node1")


async def dump(node, report=None, **more):
    """Have the guest's first disk exported, from the node to itself."""
    name = node.guest.name
    await node.exports.begin(backup.BeginExport(name=name), Report())
    taking = backup.TakeDump(name=name, file="dump0", sender=NODE1, address=HERE)
    port = await node.exports.take(taking, Report())
    given = {"guest": node.guest, "index": 0, "receiver": NODE1, "address": HERE, "port": port}
    await node.installer.export(contract.ExportDisk(**(given | more)), report or Report())


async def restore(node, report=None, **more):
    """Have what ``dump`` has written imported, once it is whole."""
    name = node.guest.name
    await node.exports.finish(backup.FinishExport(name=name, config="[export]"), Report())
    compress = more.pop("compress", "none")
    offering = backup.OfferDump(name=name, file="dump0", receiver=NODE1, address=HERE, compress=compress)
    port = await node.exports.offer(offering, Report())
    given = {"guest": node.guest, "index": 0, "sender": NODE1, "address": HERE, "port": port}
    await node.installer.import_(contract.ImportDisk(**(given | more)), report or Report())


def dumped(node):
    return node.paths.under("/srv/ganeti/export/.web1.new/dump0")


@pytest.mark.parametrize("what", ["install", "import"])
async def test_what_a_script_has_written_is_on_the_disk_when_it_is_said_to_be(node, what, monkeypatch):
    def fail(path):
        raise OSError(errno.EIO, "Input/output error", str(path))

    await dump(node)
    monkeypatch.setattr("ganeti.node.osinstall.installer.sync", fail)
    with pytest.raises(OSError, match="web1/disk0"):
        await (
            restore(node)
            if what == "import"
            else node.installer.install(contract.InstallOs(guest=node.guest), Report())
        )


async def test_a_reinstallation_is_told_as_one(node):
    report = Report()
    await node.installer.install(contract.InstallOs(guest=node.guest, reinstall=True), report)
    assert "INSTANCE_REINSTALL=1" in said(report)


async def test_what_a_script_says_is_kept_for_root_alone(node):
    await node.installer.install(contract.InstallOs(guest=node.guest), Report())
    (log,) = logs(node)
    assert "OSP_SUITE=trixie" in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600


async def test_rename_is_told_both_names(node):
    report = Report()
    await node.installer.rename(contract.RenameInOs(guest=node.guest, old_name="old1"), report)
    assert said(report) == ["from old1 to web1"]


@pytest.mark.parametrize("compress", ["none", "gzip-fast"])
async def test_what_was_exported_can_be_imported(node, compress):
    content = os.urandom(700_000) + bytes(1024**2 - 700_000)
    node.disk.write_bytes(content)
    report = Report()
    await dump(node, report, compress=compress)
    lines = [*report.drain()]
    assert [line.log for line in lines if line.log] == ["exporting"]
    assert [line.progress.total for line in lines if line.progress][-1:] == [1]
    assert dumped(node).read_bytes() == content
    assert (dumped(node).stat().st_mode & 0o777) == 0o600
    node.disk.write_bytes(bytes(1024**2))
    await restore(node, compress=compress)
    assert node.disk.read_bytes() == content


async def test_the_size_that_an_export_predicts_is_where_its_progress_ends(node):
    node.script("export", 'echo 5242880 >&"$EXP_SIZE_FD"; read -r _ <"$EXPORT_DEVICE.go"; echo data')
    os.mkfifo(f"{node.disk}.go")
    report = Report()
    # A daemon has so many files open that its pipe has a number of several digits.
    with contextlib.ExitStack() as opened:
        for _ in range(12):
            opened.callback(os.close, os.open(os.devnull, os.O_RDONLY))
        exporting = asyncio.create_task(dump(node, report))
        await asyncio.to_thread(Path(f"{node.disk}.go").write_text, "go\n")
        await exporting
    (line,) = [line for line in report.drain() if line.progress]
    assert (line.progress.total, line.progress.unit) == (5, "MiB")


async def test_an_export_that_predicts_more_than_there_is_room_for_is_given_up_at_once(node):
    node.script("export", 'echo 5242880 >&"$EXP_SIZE_FD"; while sleep 0.1; do echo data; done')
    with pytest.raises(
        InsufficientResources, match="The dump takes 5M, says its script, and 4M are free where it goes"
    ):
        await dump(node, room=4)
    node.script("export", 'echo 5242880 >&"$EXP_SIZE_FD"; echo data')
    await dump(node, room=5)


async def test_an_export_that_fails_in_the_end_is_not_taken_for_a_whole_one(node):
    node.script("export", "echo half; exit 1")
    with pytest.raises(ExecutionFailed, match="'export' script of OS provider 'debian' failed with status 1"):
        await dump(node)


async def test_an_export_whose_node_cannot_take_it_ends_with_the_reason(node, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("ganeti.node.channel.os.fsync", full)
    node.script("export", "head -c 3000000 /dev/zero")
    with pytest.raises(ExecutionFailed, match=r"goes to node1 failed there: .*No space left on device"):
        await dump(node)


async def test_an_export_that_nobody_takes_any_more_is_killed_with_its_script(node):
    node.script("export", 'echo $$ >"$EXPORT_DEVICE.pid"; while :; do head -c 100000 /dev/zero; sleep 0.1; done')
    exporting = asyncio.create_task(dump(node))
    pid = Path(f"{node.disk}.pid")
    while not (pid.exists() and pid.read_text().strip()):
        await asyncio.sleep(0.01)
    await node.exports.discard(backup.DiscardExport(name="web1"), Report())
    with pytest.raises(ExecutionFailed, match=r"goes to node1 (was interrupted|failed there)"):
        await exporting
    assert not Path(f"/proc/{pid.read_text().strip()}").exists()


async def test_a_script_that_says_nothing_is_killed_when_nobody_takes_its_output_any_more(node):
    node.script("export", 'echo beginning; echo $$ >"$EXPORT_DEVICE.pid"; sleep 9999')
    exporting = asyncio.create_task(dump(node))
    pid = Path(f"{node.disk}.pid")
    while not (pid.exists() and pid.read_text().strip()):
        await asyncio.sleep(0.01)
    await node.exports.discard(backup.DiscardExport(name="web1"), Report())
    with pytest.raises(ExecutionFailed, match=r"goes to node1 (was interrupted|failed there)"):
        await exporting
    assert not Path(f"/proc/{pid.read_text().strip()}").exists()


async def test_a_disk_that_is_not_there_cannot_be_exported(node):
    with pytest.raises(WrongInput, match="'index'"):
        await dump(node, index=1)


async def test_an_import_that_needs_only_the_beginning_of_a_dump_is_well(node):
    node.disk.write_bytes(os.urandom(1024**2))
    await dump(node)
    node.script("import", 'head -c 10 >"$IMPORT_DEVICE"')
    await restore(node)
    assert node.disk.read_bytes() == dumped_content(node)[:10]


def dumped_content(node):
    return node.paths.under("/srv/ganeti/export/web1/dump0").read_bytes()


async def test_an_import_whose_script_fails_is_told_by_its_words(node):
    await dump(node)
    node.script("import", "cat >/dev/null; echo no file system >&2; exit 3")
    with pytest.raises(ExecutionFailed, match=r"'import' script .* status 3.*no file system"):
        await restore(node)


async def test_an_import_whose_dump_ends_too_early_fails_though_its_script_would_not(node, monkeypatch):
    async def cut(file, writer, level):
        outgoing = Outgoing(writer, length=100, level=level)
        await outgoing.write(b"half")
        writer.transport.abort()

    await dump(node)
    monkeypatch.setattr("ganeti.node.channel._told", cut)
    with pytest.raises(ExecutionFailed, match="comes from node1 was interrupted"):
        await restore(node)


@pytest.mark.parametrize("change", [-1, 1, 3_000_000])
async def test_a_dump_that_is_changed_while_it_is_read_is_not_taken_for_a_whole_one(node, monkeypatch, caplog, change):
    def told(file, writer, level):
        size = os.fstat(file.fileno()).st_size
        monkeypatch.setattr("ganeti.node.channel.Outgoing", partial(changed, size + change))
        return original(file, writer, level)

    def changed(size, *args, **more):
        os.truncate(node.paths.under("/srv/ganeti/export/web1/dump0"), size)
        return Outgoing(*args, **more)

    original = channel._told
    node.disk.write_bytes(os.urandom(1024**2))
    await dump(node)
    monkeypatch.setattr("ganeti.node.channel._told", told)
    with pytest.raises(ExecutionFailed, match="comes from node1 was interrupted"):
        await restore(node)
    assert "was changed while it was read" in caplog.text


@pytest.mark.parametrize("length", [3, 5])
async def test_a_dump_of_another_length_than_its_sender_has_announced_is_refused(node, monkeypatch, length):
    async def lie(file, writer, level):
        outgoing = Outgoing(writer, length=length, level=level)
        await outgoing.write(b"dump")
        await outgoing.end()

    await dump(node)
    monkeypatch.setattr("ganeti.node.channel._told", lie)
    with pytest.raises(ExecutionFailed, match=f"announced {length} bytes, and sends 4"):
        await restore(node)


async def test_what_comes_in_the_place_of_a_dump_that_was_offered_is_not_read(node, monkeypatch):
    """Between the offer and the connection."""
    await dump(node)
    content, original = dumped(node).read_bytes(), node.exports.offer

    async def offer(call, report):
        port = await original(call, report)
        path = node.paths.under("/srv/ganeti/export/web1/dump0")
        path.unlink()
        path.symlink_to("/etc/passwd")
        return port

    monkeypatch.setattr(node.exports, "offer", offer)
    await restore(node)
    assert node.disk.read_bytes().startswith(content)


async def test_a_failing_script_is_told_with_its_last_words_and_where_all_of_them_are(node):
    node.script("create", "for n in 1 2 3 4 5 6 7; do echo line $n; done; echo no such mirror >&2; exit 7")
    with pytest.raises(ExecutionFailed) as failed:
        await node.installer.install(contract.InstallOs(guest=node.guest), Report())
    (log,) = logs(node)
    assert "failed with status 7" in failed.value.message
    assert "no such mirror" in failed.value.message
    assert "line 1" not in failed.value.message
    assert str(log) in failed.value.message
    assert "line 1" in log.read_text()


async def test_a_script_that_takes_too_long_is_killed_with_all_that_it_has_started(node, monkeypatch):
    monkeypatch.setattr(contract.InstallOs, "patience", 0.3)
    alive = node.paths.root / "alive"
    os.mkfifo(alive)
    node.script("create", f"sleep 9999 >{alive} & sleep 9999")
    watcher = os.open(alive, os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(ExecutionFailed, match="did not finish within"):
        await node.installer.install(contract.InstallOs(guest=node.guest), Report())
    async with asyncio.timeout(60):
        while held(watcher):
            await asyncio.sleep(0)
    os.close(watcher)


def held(watcher):
    """Whether anybody still holds the other end."""
    try:
        return os.read(watcher, 1) != b""
    except BlockingIOError:
        return True


async def test_garbage_and_megabytes_do_no_harm(node):
    node.script("create", "head -c 2000000 /dev/urandom; echo; printf 'progress 1%%\\rprogress 2%%\\n'")
    report = Report()
    await node.installer.install(contract.InstallOs(guest=node.guest), report)
    (log,) = (node.paths.log / "os").iterdir()
    assert log.read_text().splitlines()[-2:] == ["progress 1%", "progress 2%"]
    assert said(report)[-1] == f"The rest of the output is in {log} on this node"


async def test_the_beginning_of_a_long_output_becomes_the_jobs_log_and_all_of_it_stays_on_the_node(node):
    node.script("create", "seq 1 5000")
    report = Report()
    await node.installer.install(contract.InstallOs(guest=node.guest), report)
    (log,) = (node.paths.log / "os").iterdir()
    assert said(report) == [*map(str, range(1, 1001)), f"The rest of the output is in {log} on this node"]
    assert len(log.read_text().splitlines()) == 5000


async def test_a_long_line_is_cut_and_many_bytes_are_too_much(node):
    node.script("create", "for n in $(seq 100); do head -c 5000 /dev/zero | tr '\\0' x; echo; done")
    report = Report()
    await node.installer.install(contract.InstallOs(guest=node.guest), report)
    lines = said(report)
    assert lines[0] == "x" * 1024 + "..."
    assert sum(map(len, lines)) < 70000


async def test_a_script_is_told_the_instances_parameters_as_ganeti_spells_them(node):
    node.script("create", "env | grep -E '^INSTANCE_(HV|BE)_' | sort")
    report = Report()
    told = evolve(node.guest, hvparams={"serial_console": True, "root_path": None, "vga": ""})
    await node.installer.install(contract.InstallOs(guest=told), report)
    lines = set(said(report))
    assert {"INSTANCE_HV_serial_console=True", "INSTANCE_HV_root_path=None", "INSTANCE_HV_vga="} <= lines
    assert {"INSTANCE_BE_memory=128", "INSTANCE_BE_maxmem=128", "INSTANCE_BE_auto_balance=True"} <= lines


async def test_a_script_that_cannot_be_run_is_told_by_name(node):
    node.script("create", "", interpreter="#!/no/such/interpreter")
    with pytest.raises(EnvironmentUnfit, match="create' cannot be run"):
        await node.installer.install(contract.InstallOs(guest=node.guest), Report())


async def test_the_disks_of_a_guest_that_runs_are_left_alone(node):
    fake = node.equipment.hypervisor("fake")
    machine = guest(hvparams={}, disk_template=DiskTemplate.DISKLESS)
    await fake.start(machine, Resources(), paused=False)
    before = node.disk.read_bytes()
    with pytest.raises(WrongState, match="runs; stop it first"):
        await node.installer.install(contract.InstallOs(guest=node.guest), Report())
    assert node.disk.read_bytes() == before


async def test_the_disks_of_a_guest_that_runs_are_exported_only_as_snapshots(node):
    await node.equipment.hypervisor("fake").start(guest(hvparams={}), Resources(), paused=False)
    with pytest.raises(WrongState, match="runs; stop it first"):
        await dump(node)
    await dump(node, copied=True)


async def test_parameters_are_verified_by_the_provider_itself(node):
    good = contract.ValidateOs(os="debian+default", osparams={"suite": "trixie"})
    assert await node.installer.validate(good, Report()) == ()
    bad = contract.ValidateOs(os="debian+default", osparams={"suite": "bad"})
    assert await node.installer.validate(bad, Report()) == ("The OS 'debian' refuses its parameters: no suite bad",)


@pytest.mark.parametrize(
    ("os_name", "parameters", "told"),
    [
        ("debian", {}, "needs a variant: default, minimal"),
        ("debian+huge", {}, "no variant 'huge'"),
        ("debian+default", {"flavour": "x"}, "no parameter 'flavour'"),
        ("nosuch", {}, "no OS provider 'nosuch'"),
        ("../debian", {}, "not the name of an OS"),
        ("debian\n", {}, "not the name of an OS"),
    ],
)
async def test_what_a_provider_does_not_have_is_told_before_anything_runs(node, os_name, parameters, told):
    (problem,) = await node.installer.validate(contract.ValidateOs(os=os_name, osparams=parameters), Report())
    assert told in problem


async def test_a_provider_with_a_part_missing_is_listed_with_what_is_missing(node):
    (node.provider / "rename").unlink()
    (found,) = await node.installer.diagnose(contract.DiagnoseProviders(), Report())
    assert (found.name, found.problem) == ("debian", "it has no executable 'rename'")
    assert found.parameters == {"suite": "which release"}
    with pytest.raises(WrongInput, match="no executable 'rename'"):
        await node.installer.install(contract.InstallOs(guest=node.guest), Report())
