# SPDX-License-Identifier: BSD-2-Clause
"""What providers of external storage are told, and what becomes of those that don't do what they should."""

import pytest
from msgspec.structs import replace

from ganeti.errors import ExecutionFailed, UnknownEntity, WrongInput
from ganeti.model.disk import DiskUse
from ganeti.node import script
from ganeti.node.storage.ext import volume

FOREVER = "exec sleep 1000"
MEGABYTES = "head -c 8000000 /dev/zero | tr '\\0' x; echo; head -c 8000000 /dev/zero"


def runs(log):
    """(script, its environment) of each that was run."""
    blocks = log.read_text().split("script=")[1:] if log.exists() else []
    lines = [block.splitlines() for block in blocks]
    return [(first, dict(line.split("=", 1) for line in rest)) for first, *rest in lines]


async def test_scripts_are_told_what_the_interface_promises_and_nothing_of_the_daemon(ext_bench, monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_DAEMON", "1")
    log = ext_bench.volumes.parent / "told"
    for name in ("create", "setinfo", "grow"):
        text = ext_bench.provider / name
        text.write_text(text.read_text() + f'{{ echo "script={name}"; env; echo "count=$#"; }} >>{log}\n')
    disk = ext_bench.disk(
        size=2, name="data", owner="web1.example.com", params={"access": "kernelspace", "pool": "fast"}
    )
    await ext_bench.create(disk)
    await ext_bench.grow(disk, 5)
    (_, create), (_, setinfo), (_, grow) = runs(log)
    common = {"VOL_NAME": f"{disk.uuid}.ext.disk0", "VOL_UUID": disk.uuid, "VOL_CNAME": "data", "EXTP_POOL": "fast"}
    for environment in (create, setinfo, grow):
        assert environment.items() >= common.items()
        assert environment["count"] == "0"
        assert not {"SECRET_OF_THE_DAEMON", "EXTP_ACCESS", "EXTP_NAS_IP"} & environment.keys()
    assert create["VOL_SIZE"] == "2"
    assert setinfo["VOL_METADATA"] == "originstname+web1.example.com"
    assert (grow["VOL_SIZE"], grow["VOL_NEW_SIZE"]) == ("2", "5")


async def test_its_label_has_the_name_that_its_instance_has_now(ext_bench):
    disk = ext_bench.disk(owner="web1.example.com")
    await ext_bench.create(disk)
    await ext_bench.storage.label(replace(disk, owner="db1.example.com"), ())
    label = ext_bench.file(disk).with_name(f"{ext_bench.file(disk).name}.metadata")
    assert label.read_text() == "originstname+db1.example.com\n"


async def test_a_volume_is_attached_while_it_is_used_and_no_longer(ext_bench):
    disk = ext_bench.disk()
    await ext_bench.create(disk)
    assert ext_bench.devices() == []
    opened = await ext_bench.open(disk)
    assert ([opened.path], opened.block, opened.uri) == (ext_bench.devices(), True, "")
    assert await ext_bench.storage.expected(disk, ()) == opened
    assert (await ext_bench.status(disk)).path == opened.path
    await ext_bench.storage.hold(disk, (), DiskUse.STANDBY)
    assert ext_bench.devices() == []
    assert not (await ext_bench.status(disk)).problem
    assert ext_bench.devices() == []


async def test_scripts_that_open_and_close_are_told_whether_another_node_has_the_volume_too(ext_bench):
    log = ext_bench.volumes.parent / "log"
    ext_bench.script("open", f'echo "open $VOL_OPEN_EXCLUSIVE" >>{log}')
    ext_bench.script("close", f"echo close >>{log}")
    disk = ext_bench.disk()
    await ext_bench.create(disk)
    for use in (DiskUse.OWN, DiskUse.SHARED, DiskUse.STANDBY, DiskUse.STANDBY):
        await ext_bench.storage.hold(disk, (), use)
    assert log.read_text().splitlines() == ["open True", "open False", "close"]


@pytest.mark.parametrize("failing", ["create", "setinfo"])
async def test_of_a_volume_that_cannot_be_made_nothing_is_left_and_its_scripts_last_words_are_told(ext_bench, failing):
    ext_bench.script(failing, 'touch "$file"; echo starting; echo "array is full" >&2; exit 7')
    disk, before = ext_bench.disk(owner="web1"), ext_bench.contents()
    told = rf"The '{failing}' script of storage provider 'san' .* failed with status 7; .*starting; array is full"
    with pytest.raises(ExecutionFailed, match=told) as caught:
        await ext_bench.create(disk)
    assert ext_bench.contents() == before
    log = ext_bench.paths.log / "extstorage" / f"san-{disk.uuid}.ext.disk0.log"
    assert str(log) in caught.value.message
    assert "array is full" in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600


async def test_what_is_left_of_a_volume_that_cannot_be_removed_either_is_told(ext_bench):
    ext_bench.script("create", 'touch "$file"; exit 1')
    ext_bench.script("remove", 'echo "still mapped"; exit 1')
    with pytest.raises(ExecutionFailed, match=r"'create' script.*Look for remains: The 'remove' script.*still mapped"):
        await ext_bench.create(ext_bench.disk())


@pytest.mark.parametrize("name", ["create", "attach", "remove"])
async def test_a_script_that_hangs_is_ended_and_what_it_said_before_is_told(ext_bench, monkeypatch, name):
    disk = ext_bench.disk()
    if name == "remove":
        await ext_bench.create(disk)
    ext_bench.script(name, f"echo waiting for the array; {FOREVER}")
    monkeypatch.setattr(volume, "_SLOW", 0.5)
    if name == "attach":
        monkeypatch.setattr(volume, "_QUICK", 0.5)
    work = ext_bench.remove(disk) if name == "remove" else ext_bench.create(disk)
    with pytest.raises(ExecutionFailed, match=rf"The '{name}' script .* did not finish within .*waiting for the array"):
        await work


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("echo all is well", "printed 'all is well', which is not the path of a block device"),
        ("echo /etc/passwd", "printed '/etc/passwd', which is not the path of a block device"),
        ("echo /dev/null", "printed '/dev/null', which is not the path of a block device"),
        ("true", "printed no block device in its first line"),
        ("echo; echo kvm:nbd:unix:/run/nbd", "the provider may know access 'userspace' alone"),
        ("echo /dev/loop0; echo warning", "printed 'warning' where a line HYPERVISOR:URI is expected"),
        (MEGABYTES, "printed far more than the path of a device"),
    ],
)
async def test_an_answer_that_is_none_is_refused_in_words(ext_bench, answer, told):
    disk = ext_bench.disk()
    await ext_bench.create(disk)
    ext_bench.script("attach", answer)
    with pytest.raises(ExecutionFailed, match=r"The 'attach' script of storage provider 'san'") as caught:
        await ext_bench.open(disk)
    assert told in caught.value.message
    assert len(caught.value.message) < 1000
    assert told in (await ext_bench.status(disk)).problem
    assert list((ext_bench.paths.run / "extstorage").iterdir()) == []


async def test_megabytes_of_a_script_fill_neither_error_nor_log(ext_bench, monkeypatch):
    monkeypatch.setattr(script, "MOST_LOGGED", 100_000)
    ext_bench.script("create", f"{MEGABYTES}; exit 1")
    disk = ext_bench.disk()
    with pytest.raises(ExecutionFailed, match="'create' script") as caught:
        await ext_bench.create(disk)
    assert len(caught.value.message) < 10_000
    logs = list((ext_bench.paths.log / "extstorage").iterdir())
    assert sum(log.stat().st_size for log in logs) < 1_000_000


async def test_a_volume_that_is_busy_is_not_removed(ext_bench):
    disk = ext_bench.disk()
    await ext_bench.create(disk)
    await ext_bench.open(disk)
    ext_bench.script("detach", 'echo "device is busy"; exit 1')
    with pytest.raises(ExecutionFailed, match="device is busy"):
        await ext_bench.remove(disk)
    assert ext_bench.file(disk).exists()


async def test_a_volume_that_cannot_be_opened_is_not_left_attached(ext_bench):
    disk = ext_bench.disk()
    await ext_bench.create(disk)
    ext_bench.script("open", "echo reserved by another host; exit 1")
    with pytest.raises(ExecutionFailed, match="reserved by another host"):
        await ext_bench.open(disk)
    assert ext_bench.devices() == []


async def test_a_volume_that_a_guest_uses_stays_attached_when_it_cannot_be_taken_again(ext_bench):
    disk = ext_bench.disk()
    await ext_bench.create(disk)
    opened = await ext_bench.open(disk)
    ext_bench.script("open", "echo reserved by another host; exit 1")
    with pytest.raises(ExecutionFailed, match="reserved by another host"):
        await ext_bench.storage.hold(disk, (), DiskUse.SHARED)
    assert ext_bench.devices() == [opened.path]
    assert await ext_bench.storage.expected(disk, ()) == opened
    ext_bench.script("attach", "echo the array does not answer; exit 1")
    with pytest.raises(UnknownEntity, match="the array does not answer"):
        await ext_bench.open(disk)
    assert ext_bench.devices() == [opened.path]


async def test_a_node_daemon_that_was_restarted_knows_what_is_attached(ext_bench):
    disk = ext_bench.disk()
    await ext_bench.create(disk)
    opened = await ext_bench.open(disk)
    again = type(ext_bench.storage)(ext_bench.paths)
    assert await again.expected(disk, ()) == opened
    await again.hold(disk, (), DiskUse.STANDBY)
    assert ext_bench.devices() == []


async def test_userspace_gets_the_uri_of_the_hypervisor(ext_bench):
    disk = ext_bench.disk(params={"access": "userspace"})
    await ext_bench.create(replace(disk, params={}))
    with pytest.raises(ExecutionFailed, match="no line kvm:URI"):
        await ext_bench.open(disk)
    ext_bench.script("attach", 'echo; echo "kvm:file:$file"; echo "xen-hvm:none"')
    opened = await ext_bench.open(disk)
    assert (opened.path, opened.uri) == ("", f"file:{ext_bench.file(disk)}")
    status = await ext_bench.status(disk)
    assert (status.size, status.problem) == (1, "")
    await ext_bench.close(disk)


async def test_a_provider_that_is_not_there_or_not_whole_is_told(ext_bench):
    with pytest.raises(UnknownEntity, match="no storage provider 'nas' on this node"):
        await ext_bench.storage.expected(ext_bench.disk(location="nas/volume"), ())
    (ext_bench.provider / "grow").unlink()
    (ext_bench.provider / "parameters.list").unlink()
    with pytest.raises(WrongInput, match=r"no executable 'grow'; it has no 'parameters.list'"):
        await ext_bench.create(ext_bench.disk())
    assert await ext_bench.storage.problems(ext_bench.unit)


async def test_a_parameter_that_the_provider_does_not_list_is_refused(ext_bench):
    with pytest.raises(WrongInput, match="'san' has no parameter 'colour'; it has nas_ip, pool"):
        await ext_bench.storage.expected(ext_bench.disk(params={"colour": "red", "pool": "fast"}), ())


async def test_a_volume_outlives_a_parameter_that_its_provider_gave_up(ext_bench):
    disk = ext_bench.disk(params={"pool": "fast"})
    await ext_bench.create(disk)
    await ext_bench.open(disk)
    (ext_bench.provider / "parameters.list").write_text("")
    await ext_bench.close(disk)
    await ext_bench.remove(disk)
    assert ext_bench.contents() == set()


@pytest.mark.parametrize("location", ["", "volume", "san/../x", "../san/x", "san/", "san/a/b", "san/.x", "san/a b"])
async def test_what_is_no_name_of_a_volume_reaches_no_script(ext_bench, location):
    for touch in (ext_bench.create, ext_bench.remove, ext_bench.open):
        with pytest.raises((WrongInput, UnknownEntity)):
            await touch(ext_bench.disk(location=location))
    assert not ext_bench.paths.log.exists()
