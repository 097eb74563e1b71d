# SPDX-License-Identifier: BSD-2-Clause
"""Logical volumes, by what LVM 2.03.16 of Debian 12 was seen to say; ``lvm.txt`` beside this file has its words."""

import asyncio
import re
from collections import defaultdict
from pathlib import Path

import pytest
from msgspec.structs import replace

from ganeti.errors import (
    AlreadyExists,
    EnvironmentUnfit,
    ExecutionFailed,
    InsufficientResources,
    UnknownEntity,
    WrongInput,
    WrongState,
)
from ganeti.host.process import Finished
from ganeti.model.disk import Disk, DiskTemplate, DiskUse
from ganeti.model.report import PoolUse
from ganeti.model.template import StorageUnit
from ganeti.node.storage.lvm.plain import PlainStorage
from ganeti.node.storage.lvm.reported import Group, Physical, split
from ganeti.node.storage.lvm.volumes import Placement, Volumes
from ganeti.rpc.contract.storage import LvmSpace
from ganeti.rpc.server import Report

MIB = 1024**2
_SAID = re.compile(r"^=== (\S+) (\d+)\n(.*?)(?:^---\n(.*?))?(?=^===|\Z)", re.MULTILINE | re.DOTALL)
RECORDED = {
    name.replace("_", " "): (int(status), output, errors)
    for name, status, output, errors in _SAID.findall((Path(__file__).parent / "lvm.txt").read_text())
}
RECORDED["group full"] = (0, re.sub(r'"vg_free":"\d+"', '"vg_free":"0"', RECORDED["groups"][1]), "")
RECORDED["pool almost full"] = (0, RECORDED["pools"][1].replace('"11.52"', '"95.10"'), "")


class Lvm:
    """Says what it is told to say, each program one thing after another and the last one for ever."""

    def __init__(self, **answers):
        self._answers = defaultdict(lambda: ["done"], {program: list(names) for program, names in answers.items()})
        self.commands = []

    async def __call__(self, *command, timeout):
        assert timeout
        names = self._answers[command[0]]
        name = names.pop(0) if len(names) > 1 else names[0]
        if command[0] not in ("lvs", "vgs", "pvs"):
            self.commands.append(" ".join(command))
        if name == "hangs":
            raise ExecutionFailed(f"'{command[0]}' did not finish")
        return Finished(command, *RECORDED[name])


async def test_volumes_are_found_with_one_command_however_many_there_are():
    asked = []

    async def run(*command, timeout):
        asked.append(command)
        return Finished(command, *RECORDED["volumes"])

    found = await Volumes(run).found(["testvg/one", "testvg/striped", "testvg/none"])
    assert len(asked) == 1
    assert asked[0][-1] == "testvg"
    one, striped = found["testvg/one"], found["testvg/striped"]
    assert set(found) == {"testvg/one", "testvg/striped"}
    assert (one.size, one.path, one.tags) == (3, "/dev/testvg/one", ("extra", "originstname+web1.example.com"))
    assert (one.active, one.in_use, one.partial) == (True, False, False)
    assert (striped.size, striped.tags) == (4, ())


async def test_what_is_in_use_inactive_or_misses_a_physical_volume_is_seen():
    assert (await Volumes(Lvm(lvs=["mounted"])).there("testvg/one")).in_use
    assert not (await Volumes(Lvm(lvs=["inactive"])).there("testvg/one")).active
    assert (await Volumes(Lvm(lvs=["partial"])).there("testvg/striped")).partial


async def test_a_volume_group_that_is_not_there_has_no_volumes():
    assert set(await Volumes(Lvm(lvs=["one group missing"])).found(["testvg/one", "nonevg/x"])) == {"testvg/one"}
    assert await Volumes(Lvm(lvs=["group missing"])).found(["nonevg/x"]) == {}


async def test_a_report_that_fails_or_cannot_be_read_is_no_empty_report():
    for answer in ("failed", "done"):
        with pytest.raises(ExecutionFailed):
            await Volumes(Lvm(lvs=[answer])).found(["testvg/one"])


async def test_groups_tell_their_space_and_what_they_miss():
    groups = await Volumes(Lvm(pvs=["groups"])).groups()
    of_testvg = (Physical("/dev/loop0", 8 * MIB, 3 * MIB, MIB), Physical("/dev/loop1", 8 * MIB, 6 * MIB, MIB))
    assert groups["testvg"] == Group("testvg", size=16, free=9, physical=of_testvg)
    assert set(groups) == {"testvg", "xenvg"}
    assert (await Volumes(Lvm(pvs=["groups with a missing volume"])).groups())["testvg"].missing == 1
    assert set(await Volumes(Lvm(pvs=["groups with an orphan"])).groups()) == {"testvg", "xenvg"}


async def test_physical_volumes_tell_their_space_but_for_those_that_are_missing():
    one, *others = await Volumes(Lvm(pvs=["physical volumes"])).measured("lvm-pv")
    assert one == LvmSpace("/dev/loop1", size=8, free=5)
    assert [space.name for space in others] == ["/dev/vdb", "/dev/vdc"]


async def test_a_new_volume_is_wiped_without_a_question_and_has_its_tags():
    lvm = Lvm(lvs=["no volumes"])
    await Volumes(lvm).create("testvg/one", 3, tags=["originstname+web1"])
    assert lvm.commands == [
        "lvcreate --yes --name one --addtag originstname+web1 --wipesignatures y --zero y --size 3m testvg"
    ]
    await Volumes(lvm).create("testvg/two", 4, stripes=2)
    assert lvm.commands[-1].endswith("--size 4m --type striped --stripes 2 testvg")


async def test_a_snapshot_is_as_large_as_its_volume_or_in_the_same_thin_pool():
    lvm = Lvm(lvs=["volumes"])
    await Volumes(lvm).create_snapshot("testvg/snap", "testvg/one", tags=["originstname+web1"])
    assert lvm.commands == ["lvcreate --yes --name snap --addtag originstname+web1 --snapshot --size 3m testvg/one"]
    await Volumes(lvm).create_snapshot("testvg/one", "testvg/striped")  # it is there already
    assert len(lvm.commands) == 1
    thin = Lvm(lvs=["pools"])
    (origin,) = [volume.location for volume in await Volumes(thin).within(["testvg"]) if volume.pool][:1]
    await Volumes(thin).create_snapshot("testvg/snap", origin)
    assert thin.commands == [f"lvcreate --yes --name snap --snapshot --setactivationskip n {origin}"]
    with pytest.raises(UnknownEntity):
        await Volumes(lvm).create_snapshot("testvg/snap", "testvg/none")


async def test_a_snapshot_that_the_group_has_no_room_for_is_told_before():
    storage = PlainStorage(Volumes(Lvm(lvs=["volumes"], pvs=["groups"])))
    disk = Disk(uuid="u", template=DiskTemplate.PLAIN, size=3, location="testvg/one")
    assert await storage.snapshot_problem(disk, live=True) == ""
    full = PlainStorage(Volumes(Lvm(lvs=["volumes"], pvs=["group full"])))
    assert "has 0 MiB free, a snapshot takes 3 MiB" in await full.snapshot_problem(disk, live=True)
    assert "physical volumes for itself" in await storage.snapshot_problem(replace(disk, exclusive=True), live=True)


async def test_a_volume_that_is_there_is_left_as_it_is_if_it_has_the_size_that_it_would_get():
    lvm = Lvm(lvs=["volumes"])
    await Volumes(lvm).create("testvg/one", 3)
    await Volumes(lvm).create("testvg/striped", 3, stripes=2)  # of 4 MiB: an extent of each
    assert lvm.commands == []
    for size in (2, 4):
        with pytest.raises(AlreadyExists, match=rf"testvg/one .* 3 MiB instead of {size} MiB"):
            await Volumes(lvm).create("testvg/one", size)


@pytest.mark.parametrize("answer", ["no space", "no space for stripes", "not enough for stripes"])
async def test_a_full_volume_group_says_what_is_free(answer):
    volumes = Volumes(Lvm(lvs=["no volumes"], pvs=["groups"], lvcreate=[answer]))
    with pytest.raises(InsufficientResources, match="testvg has 9 MiB free"):
        await volumes.create("testvg/big", 300)


@pytest.mark.parametrize(
    ("answer", "error", "told"),
    [
        ("create without group", EnvironmentUnfit, "no volume group 'testvg'.*vgcreate"),
        ("exists", AlreadyExists, "already exists"),
        ("create in a group that misses one", EnvironmentUnfit, "PVs are missing"),
    ],
)
async def test_why_a_volume_cannot_be_made_is_told(answer, error, told):
    lvm = Lvm(lvs=["no volumes"], lvcreate=[answer])
    with pytest.raises(error, match=told):
        await Volumes(lvm).create("testvg/one", 3)
    assert len(lvm.commands) == 1  # what another one made is not removed


async def test_what_a_command_that_hangs_has_made_is_removed():
    lvm = Lvm(lvs=["no volumes", "volumes"], lvcreate=["hangs"])
    with pytest.raises(ExecutionFailed, match="did not finish"):
        await Volumes(lvm).create("testvg/one", 3)
    assert lvm.commands[-1] == "lvremove --yes testvg/one"


async def test_what_cannot_be_removed_after_a_failure_is_named_for_people():
    volumes = Volumes(Lvm(lvs=["no volumes", "volumes"], lvcreate=["hangs"], lvremove=["hangs"]))
    with pytest.raises(ExecutionFailed, match="'lvremove testvg/one' removes it"):
        await volumes.create("testvg/one", 3)


async def test_a_volume_that_is_used_is_not_removed_or_deactivated():
    for answer in ("remove mounted", "remove open"):
        with pytest.raises(WrongState, match=r"testvg/one.*in use"):
            await Volumes(Lvm(lvs=["mounted"], lvremove=[answer])).remove("testvg/one")
    for answer in ("deactivate mounted", "deactivate open"):
        with pytest.raises(WrongState, match=r"testvg/one.*in use"):
            await Volumes(Lvm(lvs=["mounted"], lvchange=[answer])).deactivate("testvg/one")


async def test_what_is_done_already_is_not_done_again():
    lvm = Lvm(lvs=["volumes"])
    volumes = Volumes(lvm)
    await volumes.remove("testvg/none")
    await volumes.deactivate("testvg/none")
    await volumes.extend("testvg/one", 3)
    await volumes.activate("testvg/one")
    await volumes.rename("testvg/none", "testvg/one")
    assert lvm.commands == []


async def test_volumes_are_activated_extended_and_renamed():
    lvm = Lvm(lvs=["inactive"])
    volumes = Volumes(lvm)
    assert (await volumes.activate("testvg/one")).path == "/dev/testvg/one"
    await volumes.extend("testvg/one", 9)
    await volumes.rename("testvg/one", "testvg/two")
    assert lvm.commands == [
        "lvchange --activate y testvg/one",
        "lvextend --size 9m testvg/one",
        "lvrename testvg one two",
    ]


async def test_a_volume_that_is_to_have_physical_volumes_for_itself_gets_those_that_nothing_is_on():
    lvm = Lvm(lvs=["no volumes"], pvs=["groups of many"])
    await Volumes(lvm).create_alone("testvg/one", 96, spindles=1)
    await Volumes(lvm).create_alone("testvg/two", 120, spindles=2)
    first, second = lvm.commands
    assert first.endswith("--size 96m testvg /dev/loop1")
    assert second.endswith("--size 120m --type striped --stripes 2 testvg /dev/loop1 /dev/loop4")


@pytest.mark.parametrize(
    ("spindles", "size", "told"),
    [
        (3, 8, "testvg has 2 physical volumes that nothing is on, 3 are needed"),
        (1, 97, "1 physical volumes of volume group testvg take 96 MiB"),
        (2, 193, "2 physical volumes of volume group testvg take 192 MiB"),
    ],
)
async def test_too_few_physical_volumes_that_nothing_is_on_are_told_before_anything_is_made(spindles, size, told):
    lvm = Lvm(lvs=["no volumes"], pvs=["groups of many"])
    with pytest.raises(InsufficientResources, match=told):
        await Volumes(lvm).create_alone("testvg/one", size, spindles=spindles)
    with pytest.raises(EnvironmentUnfit, match="no volume group 'nonevg'"):
        await Volumes(lvm).create_alone("nonevg/one", size, spindles=spindles)
    assert lvm.commands == []


async def test_two_volumes_that_are_made_at_once_do_not_get_the_same_physical_volume():
    made, free = [], {"/dev/loop1", "/dev/loop4"}

    async def run(*command, timeout):
        assert timeout
        await asyncio.sleep(0)
        if command[0] == "lvcreate":
            free.discard(command[-1])
            made.append(command[-1])
        said = "groups of many" if command[0] == "pvs" else "no volumes" if command[0] == "lvs" else "done"
        status, output, errors = RECORDED[said]
        for device in {"/dev/loop1", "/dev/loop4"} - free:
            output = output.replace(
                f'"{device}", "pv_size":"104857600", "pv_free":"104857600"',
                f'"{device}", "pv_size":"104857600", "pv_free":"0"',
            )
        return Finished(command, status, output, errors)

    volumes = Volumes(run)
    await asyncio.gather(*(volumes.create_alone(f"testvg/{name}", 8, spindles=1) for name in ("one", "two")))
    assert made == ["/dev/loop1", "/dev/loop4"]


async def test_what_is_on_the_physical_volumes_of_a_volume_is_known_also_parts_of_pools():
    placements = await Volumes(Lvm(lvs=["devices"])).placements(
        ["testvg/one", "testvg/alone", "testvg/pool", "testvg/x"]
    )
    assert placements == {
        "testvg/one": Placement(("/dev/loop0",), ("testvg/striped",)),
        "testvg/alone": Placement(("/dev/loop3", "/dev/loop4"), ()),
        "testvg/pool": Placement(("/dev/loop2",), ("testvg/lvol0_pmspare", "testvg/pool_tdata")),
    }


async def test_a_volume_that_has_physical_volumes_for_itself_grows_on_those_alone():
    lvm = Lvm(lvs=["volumes", "devices"], pvs=["groups"], lvextend=["done", "no space to extend"])
    volumes = Volumes(lvm)
    await volumes.extend("testvg/striped", 9, in_place=True)
    assert lvm.commands == ["lvextend --size 9m testvg/striped /dev/loop0 /dev/loop1"]
    lvm = Lvm(lvs=["volumes", "devices"], pvs=["groups"], lvextend=["no space to extend"])
    with pytest.raises(
        InsufficientResources, match="gets no others; free on them: /dev/loop0: 3 MiB, /dev/loop1: 6 MiB"
    ):
        await Volumes(lvm).extend("testvg/striped", 300, in_place=True)


async def test_a_full_volume_group_does_not_let_a_volume_grow():
    volumes = Volumes(Lvm(lvs=["volumes"], pvs=["groups"], lvextend=["no space to extend"]))
    with pytest.raises(InsufficientResources, match="testvg has 9 MiB free"):
        await volumes.extend("testvg/one", 300)


async def test_a_volume_that_misses_a_part_is_not_activated():
    volumes = Volumes(Lvm(lvs=["partial"], lvchange=["activate partial"]))
    with pytest.raises(EnvironmentUnfit, match="testvg/striped"):
        await volumes.activate("testvg/striped")


async def test_what_is_not_there_is_neither_activated_nor_extended_nor_renamed():
    volumes = Volumes(Lvm(lvs=["volumes"], lvrename=["rename missing"]))
    for change in (volumes.activate("testvg/none"), volumes.extend("testvg/none", 9)):
        with pytest.raises(UnknownEntity, match="testvg/none"):
            await change
    with pytest.raises(UnknownEntity):
        await volumes.rename("testvg/none", "testvg/other")
    with pytest.raises(WrongInput, match="another volume group"):
        await volumes.rename("testvg/one", "othervg/one")


@pytest.mark.parametrize("name", ["", "one", "/dev/testvg/one", "-x/one", "testvg/-one", "testvg/..", "a/b\n", "a/b c"])
def test_only_a_group_and_a_volume_make_a_location(name):
    with pytest.raises(WrongInput, match="VG/LV"):
        split(name)
    assert split("testvg/one.disk0") == ("testvg", "one.disk0")
    with pytest.raises(WrongInput):
        split("a" * 64 + "/" + "b" * 64)


ADOPTED = Disk(uuid="u", template=DiskTemplate.PLAIN, size=3, location="testvg/u.disk0", owner="web1")


async def test_an_adopted_volume_gets_the_name_and_tag_of_a_disk():
    lvm = Lvm(lvs=["volumes"])
    await PlainStorage(Volumes(lvm)).adopt(ADOPTED, "testvg/one", ())
    assert lvm.commands == ["lvrename testvg one u.disk0", "lvchange --addtag originstname+web1 testvg/u.disk0"]


async def test_a_volume_that_is_in_use_is_neither_offered_nor_adopted():
    lvm = Lvm(lvs=["mounted"])
    storage = PlainStorage(Volumes(lvm))
    one, none = await storage.offers(["testvg/one", "testvg/none"])
    assert (one.size, "is in use" in one.problem) == (5, True)
    assert "There is no logical volume testvg/none" in none.problem
    with pytest.raises(WrongState, match="testvg/one is in use"):
        await storage.adopt(ADOPTED, "testvg/one", ())
    assert lvm.commands == []


async def test_a_volume_that_is_given_back_loses_name_and_tag_and_one_that_never_came_is_left_alone():
    lvm = Lvm(lvs=["volumes"])
    storage = PlainStorage(Volumes(lvm))
    await storage.give_back(ADOPTED, "testvg/one", ())
    assert lvm.commands == []
    await storage.give_back(replace(ADOPTED, location="testvg/one"), "testvg/before", ())
    assert lvm.commands == ["lvchange --deltag originstname+web1 testvg/one", "lvrename testvg one before"]


async def test_a_physical_volume_is_closed_and_a_group_does_without_those_that_are_gone():
    lvm = Lvm(pvs=["groups"])
    volumes = Volumes(lvm)
    device = (await volumes.measured("lvm-pv"))[0].name
    await volumes.set_allocatable(device, allocatable=False)
    await volumes.forget_missing("testvg")
    assert lvm.commands == [f"pvchange --allocatable n {device}", "vgreduce --removemissing testvg"]
    with pytest.raises(UnknownEntity, match="no physical volume /dev/sdz"):
        await volumes.set_allocatable("/dev/sdz", allocatable=True)
    with pytest.raises(EnvironmentUnfit, match="no volume group 'nonevg'"):
        await volumes.forget_missing("nonevg")


async def test_a_group_that_cannot_be_repaired_says_why():
    volumes = Volumes(Lvm(pvs=["groups"], vgreduce=["no space to extend"]))
    with pytest.raises(ExecutionFailed, match="vgreduce"):
        await volumes.forget_missing("testvg")


THIN = Disk(
    uuid="u", template=DiskTemplate.PLAIN, size=101, location="testvg/new", params={"thinpool": "pool"}, owner="web1"
)


async def test_a_disk_in_a_thin_pool_is_made_there():
    lvm = Lvm(lvs=["pools"])
    await PlainStorage(Volumes(lvm)).create(THIN, (), Report())
    assert lvm.commands == [
        "lvcreate --yes --name new --addtag originstname+web1 --type thin --virtualsize 101m --thinpool pool testvg"
    ]


@pytest.mark.parametrize(
    ("answer", "pool", "error", "told"),
    [
        ("pools", "none", EnvironmentUnfit, "no thin pool testvg/none on this node; 'lvcreate --type thin-pool'"),
        ("pools", "one", EnvironmentUnfit, "Logical volume testvg/one is not a thin pool"),
        ("pool full", "pool", InsufficientResources, "Thin pool testvg/pool is full"),
        ("pool almost full", "pool", InsufficientResources, "filled to 25 %, its metadata to 95 %"),
    ],
)
async def test_why_nothing_is_made_in_a_thin_pool_is_told(answer, pool, error, told):
    lvm = Lvm(lvs=[answer], pvs=["groups"])
    storage, disk = PlainStorage(Volumes(lvm)), replace(THIN, params={"thinpool": pool})
    with pytest.raises(error, match=told):
        await storage.create(disk, (), Report())
    (problem,) = await storage.problems(StorageUnit(DiskTemplate.PLAIN, f"testvg/{pool}"))
    assert re.search(told, problem)
    assert lvm.commands == []


async def test_the_space_of_a_thin_pool_is_what_has_not_been_written_to():
    storage = PlainStorage(Volumes(Lvm(lvs=["pools"], pvs=["groups"])))
    unit = StorageUnit(DiskTemplate.PLAIN, "testvg/pool")
    space = await storage.space(unit)
    assert (space.total, space.free, space.pool) == (40, 30, PoolUse(25.0, 11.52, promised=148))
    assert space.spindles.total == 2
    assert await storage.space(replace(unit, key="testvg/none")) is None
    assert await Volumes(Lvm(lvs=["pools"])).measured("lvm-thin") == (
        LvmSpace("testvg/pool", 40, 30, metadata=11.52, promised=148),
    )


@pytest.mark.parametrize(
    ("answer", "name", "blank"),
    [
        ("pools", "odd", True),
        ("pools", "thin", False),
        ("pools", "one", False),
        ("pools that are not active", "thin2", False),  # what was written to it is not known
        ("pool that does not zero", "thin2", False),
    ],
)
async def test_a_disk_is_blank_if_nothing_was_written_to_it_and_its_pool_gives_out_zeros(answer, name, blank):
    storage, disk = PlainStorage(Volumes(Lvm(lvs=[answer]))), replace(THIN, location=f"testvg/{name}")
    assert (await storage.hold(disk, (), DiskUse.OWN)).blank is blank


async def test_a_disk_in_a_pool_that_gives_out_zeros_is_not_wiped():
    disk = replace(THIN, location="testvg/odd")
    await PlainStorage(Volumes(Lvm(lvs=["pools"]))).wipe(disk, 0, Report())
    with pytest.raises(ExecutionFailed, match="/dev/testvg/odd cannot be used"):  # there is none here
        await PlainStorage(Volumes(Lvm(lvs=["pool that does not zero"]))).wipe(disk, 0, Report())


async def test_a_volume_in_a_thin_pool_is_offered_with_its_pool_unless_storage_is_exclusive():
    storage = PlainStorage(Volumes(Lvm(lvs=["pools", "pools", "devices"])))
    thin, pool = await storage.offers(["testvg/thin", "testvg/pool"])
    assert (thin.problem, thin.pool) == ("", "pool")
    assert "is a pool" in pool.problem
    (thin,) = await storage.offers(["testvg/thin"], exclusive=True)
    assert "in a thin pool" in thin.problem
