# SPDX-License-Identifier: BSD-2-Clause
"""The directory of exports: one of an instance is whole, or is not there."""

import os
import shutil

import pytest

from ganeti.errors import EnvironmentUnfit, InsufficientResources, UnknownEntity, WrongInput
from ganeti.host.clock import WallClock
from ganeti.host.paths import Paths
from ganeti.node.equipment import PaperDisks, on_paper
from ganeti.node.exports import Exports
from ganeti.rpc.contract import backup
from ganeti.rpc.contract.copying import Party
from ganeti.rpc.server import Report

NEW, OLD = "[export]\nnew\n", "[export]\nold\n"


class PulledError(Exception):
    """The plug."""


@pytest.fixture
def exports(tmp_path):
    return Exports(on_paper("node1", Paths(tmp_path), WallClock(), PaperDisks()))


@pytest.fixture
def place(tmp_path):
    return tmp_path / "srv/ganeti/export"


async def begin(exports, name="web1"):
    await exports.begin(backup.BeginExport(name=name), Report())


async def finish(exports, config, name="web1"):
    await exports.finish(backup.FinishExport(name=name, config=config), Report())


async def discard(exports, name="web1"):
    await exports.discard(backup.DiscardExport(name=name), Report())


async def read(exports, name="web1"):
    return await exports.read(backup.ReadExport(name=name), Report())


async def names(exports):
    return (await exports.list(backup.ListExports(), Report())).names


async def whole(exports, place, config):
    await begin(exports)
    (place / ".web1.new" / "dump").write_text(config)
    await finish(exports, config)


async def test_one_that_is_being_made_is_none_until_it_is_finished(exports, place):
    await begin(exports)
    (place / ".web1.new" / "dump").touch()
    assert await names(exports) == ()
    with pytest.raises(UnknownEntity, match="no export of web1"):
        await read(exports)
    await finish(exports, NEW)
    await finish(exports, NEW)  # whoever did not hear of it asks again
    assert (await names(exports), await read(exports)) == (("web1",), NEW)
    assert sorted(path.name for path in place.iterdir()) == ["web1"]
    modes = [path.stat().st_mode & 0o777 for path in (place / "web1", place / "web1/config.ini")]
    assert modes == [0o700, 0o600]


async def test_one_that_is_given_up_leaves_the_older_one(exports, place):
    await whole(exports, place, OLD)
    await begin(exports)
    (place / ".web1.new" / "half").touch()
    await discard(exports)
    await discard(exports)
    assert await read(exports) == OLD
    assert sorted(path.name for path in place.iterdir()) == ["web1"]


@pytest.mark.parametrize("step", range(5))
async def test_wherever_it_is_interrupted_one_of_the_two_is_there_whole(exports, place, monkeypatch, step):
    await whole(exports, place, OLD)
    await begin(exports)
    (place / ".web1.new" / "dump").write_text(NEW)
    steps = iter(range(step))

    def until_the_plug_is_pulled(work):
        def done(*args, **more):
            if next(steps, None) is None:
                raise PulledError
            return work(*args, **more)

        return done

    with monkeypatch.context() as patched:
        patched.setattr("ganeti.node.exports.write_atomic", until_the_plug_is_pulled(_write))
        patched.setattr("pathlib.Path.rename", until_the_plug_is_pulled(_rename))
        patched.setattr("ganeti.node.exports.shutil.rmtree", until_the_plug_is_pulled(shutil.rmtree))
        with pytest.raises(PulledError):
            await finish(exports, NEW)
    assert await names(exports) == ("web1",)
    await discard(exports)
    config = await read(exports)
    assert (place / "web1" / "dump").read_text() == config
    assert config == (NEW if step >= 3 else OLD)
    assert sorted(path.name for path in place.iterdir()) == ["web1"]


@pytest.mark.parametrize("odd", ["..old", "...old", ". .old", "\udcff", "\x1b[31m", "a\nb", "-", "lost+found"])
async def test_a_name_that_no_instance_has_is_left_and_told_once(exports, place, caplog, odd):
    await whole(exports, place, OLD)
    (place / odd).mkdir()
    assert await names(exports) == await names(exports) == ("web1",)
    assert await read(exports) == OLD
    await whole(exports, place, NEW)
    await exports.remove(backup.RemoveExport(name="web1"), Report())
    assert [path.name for path in place.iterdir()] == [odd]
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.endswith(f"are no exports, such as {odd!a}")


async def test_what_is_in_the_way_of_one_is_in_the_way_of_no_other(exports, place):
    await whole(exports, place, OLD)
    (place / ".a.b.old").mkdir()
    (place / "a.b").symlink_to("nowhere")
    assert await names(exports) == ("web1",)
    with pytest.raises(EnvironmentUnfit, match=r"export/a.b is in the way of the export"):
        await begin(exports, "a.b")
    await whole(exports, place, NEW)
    assert await read(exports) == NEW


@pytest.mark.parametrize("again", [names, begin, discard])
async def test_a_removal_that_is_interrupted_leaves_no_half_of_one(exports, place, monkeypatch, again):
    def pulled(path):
        (path / "config.ini").unlink()
        raise PulledError

    await whole(exports, place, NEW)
    with monkeypatch.context() as patched:
        patched.setattr("ganeti.node.exports.shutil.rmtree", pulled)
        with pytest.raises(PulledError):
            await exports.remove(backup.RemoveExport(name="web1"), Report())
    await again(exports)
    assert [path.name for path in place.iterdir()] == ([".web1.new"] if again is begin else [])


async def test_an_older_one_does_not_come_back_when_the_newer_one_is_removed(exports, place):
    await whole(exports, place, NEW)
    shutil.copytree(place / "web1", place / ".web1.old")
    await exports.remove(backup.RemoveExport(name="web1"), Report())
    assert await names(exports) == ()
    assert list(place.iterdir()) == []


def _write(path, text):
    path.write_text(text)


def _rename(path, target):
    os.rename(path, target)  # noqa: PTH104 - of the class itself it would be the one that is replaced


async def test_what_a_full_disk_refuses_is_told(exports, place, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device", "config.ini")

    await begin(exports)
    monkeypatch.setattr("ganeti.node.exports.write_atomic", full)
    with pytest.raises(InsufficientResources, match="No space left on device"):
        await finish(exports, NEW)
    monkeypatch.setattr("ganeti.node.exports.sync", full)
    shutil.rmtree(place)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.touch()
    with pytest.raises(EnvironmentUnfit, match=r"Not a directory|File exists"):
        await begin(exports)


@pytest.mark.parametrize("name", ["", ".", "..", "../web1", "a/b", ".web1", "web1\n", "x" * 300])
async def test_no_other_place_is_touched(exports, name):
    for call in (
        exports.begin(backup.BeginExport(name=name), Report()),
        exports.finish(backup.FinishExport(name=name, config=NEW), Report()),
        exports.discard(backup.DiscardExport(name=name), Report()),
        exports.read(backup.ReadExport(name=name), Report()),
        exports.remove(backup.RemoveExport(name=name), Report()),
    ):
        with pytest.raises(WrongInput, match="'name'"):
            await call


@pytest.mark.parametrize("file", ["", "..", "../dump", "a/b", ".dump", "config.ini", "a\0b"])
async def test_a_dump_is_a_file_of_the_export_and_not_its_configuration(exports, place, file):
    await whole(exports, place, NEW)
    await begin(exports)
    party = {"address": "127.0.0.1"}
    with pytest.raises(WrongInput, match="'file'"):
        await exports.take(backup.TakeDump(name="web1", file=file, sender=Party("node2"), **party), Report())
    with pytest.raises(WrongInput, match="'file'"):
        await exports.offer(backup.OfferDump(name="web1", file=file, receiver=Party("node2"), **party), Report())


async def test_links_are_followed_nowhere(exports, place, tmp_path):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "config.ini").write_text("secret")
    (secret / "dump").write_text("secret")
    await whole(exports, place, NEW)
    (place / "web1" / "link").symlink_to(secret / "dump")
    (place / "web2").symlink_to(secret)
    (place / ".web3.new").symlink_to(secret)
    os.mkfifo(place / "web1" / "fifo")
    (place / "web1" / "directory").mkdir()
    for file in ("link", "fifo", "directory", "nothing"):
        offer = backup.OfferDump(name="web1", file=file, receiver=Party("node2"), address="127.0.0.1")
        with pytest.raises(UnknownEntity, match=f"no file '{file}'"):
            await exports.offer(offer, Report())
    with pytest.raises(UnknownEntity):
        await exports.remove(backup.RemoveExport(name="web2"), Report())
    await begin(exports, "web3")
    assert sorted(path.name for path in secret.iterdir()) == ["config.ini", "dump"]


async def test_nothing_is_taken_for_an_export_that_was_not_begun(exports):
    take = backup.TakeDump(name="web1", file="dump", sender=Party("node2"), address="127.0.0.1")
    with pytest.raises(UnknownEntity, match="No export of web1 has been begun"):
        await exports.take(take, Report())
    with pytest.raises((UnknownEntity, EnvironmentUnfit)):
        await finish(exports, NEW)


async def test_where_there_never_was_an_export_there_is_none(exports):
    assert await names(exports) == ()


async def test_what_is_no_text_is_told(exports, place):
    await whole(exports, place, NEW)
    (place / "web1" / "config.ini").write_bytes(b"\xff\xfe")
    with pytest.raises(WrongInput, match="not a text in UTF-8"):
        await read(exports)
