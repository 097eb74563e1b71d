# SPDX-License-Identifier: BSD-2-Clause
"""What the data collectors make of what the machine says; forms as Ganeti 3.0.2's mon-collector prints them."""

import json

import pytest

from ganeti.errors import EnvironmentUnfit, ExecutionFailed
from ganeti.host.paths import Paths
from ganeti.host.process import Finished
from ganeti.node.monitoring.block_devices import block_devices
from ganeti.node.monitoring.drbd import mirrors
from ganeti.node.monitoring.instances import Expected, instances
from ganeti.node.monitoring.processors import WINDOW, Processors
from ganeti.node.monitoring.status import FINE, Status
from ganeti.node.monitoring.volumes import volumes

DRBD = """\
version: 8.4.11 (api:1/proto:86-101)
srcversion: 473968AD625BA317874A57E\x20
 0: cs:Connected ro:Primary/Secondary ds:UpToDate/UpToDate C r-----
    ns:7 nr:0 dw:7 dr:1105 al:1 bm:4 lo:0 pe:0 ua:0 ap:0 ep:1 wo:f oos:0
 1: cs:Unconfigured
 2: cs:SyncSource ro:Primary/Secondary ds:UpToDate/Inconsistent C r-----
    ns:7 nr:0 dw:7 dr:1105 al:1 bm:4 lo:0 pe:0 ua:0 ap:0 ep:1 wo:f oos:1000
	[=====>..............] sync'ed: 33.4% (75/100)K
	finish: 0:01:22 speed: 10,000 (9,000) want: 20,000 K/sec
"""
SHARED = {
    "localRole": "Primary",
    "remoteRole": "Secondary",
    "localState": "UpToDate",
    "replicationProtocol": "C",
    "ioFlags": "r-----",
}
COUNTERS = {
    "networkSend": 7,
    "networkReceive": 0,
    "diskWrite": 7,
    "diskRead": 1105,
    "activityLog": 1,
    "bitMap": 4,
    "localCount": 0,
    "pending": 0,
    "unacknowledged": 0,
    "applicationPending": 0,
    "epochs": 1,
    "writeOrder": "f",
}


@pytest.fixture
def file(tmp_path):
    return tmp_path / "file"


def test_mirrored_disks_are_told_as_ganeti_tells_of_them(file):
    file.write_text(DRBD)
    status, data = mirrors({0: "inst1.example.com"}, file)
    assert data == {
        "versionInfo": {"version": "8.4.11", "api": "1", "proto": "86-101", "srcversion": "473968AD625BA317874A57E"},
        "deviceInfos": [
            {
                "minor": 0,
                "connectionState": "Connected",
                **SHARED,
                "remoteState": "UpToDate",
                "perfIndicators": {**COUNTERS, "outOfSync": 0},
                "instance": "inst1.example.com",
            },
            {"minor": 1, "connectionState": "Unconfigured"},
            {
                "minor": 2,
                "connectionState": "SyncSource",
                **SHARED,
                "remoteState": "Inconsistent",
                "perfIndicators": {**COUNTERS, "outOfSync": 1000},
                "syncStatus": {
                    "percentage": 33.4,
                    "progress": "75/100",
                    "progressUnit": "KiloByte",
                    "timeToFinish": "00:01:22",
                    "speed": 10000,
                    "want": 20000,
                    "speedUnit": "KiloByte/Second",
                },
                "instance": None,
            },
        ],
    }
    assert status == Status(1, "")


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("0: cs:Connected ro:Primary/Secondary ds:UpToDate/UpToDate C r-----", FINE),
        ("0: cs:StandAlone ro:Primary/Unknown ds:UpToDate/DUnknown   r-----", Status(4, "drbd0: StandAlone")),
        ("0: cs:WFConnection ro:Primary/Unknown ds:UpToDate/DUnknown C r-----", Status(4, "drbd0: WFConnection")),
        (
            "0: cs:Connected ro:Primary/Secondary ds:Diskless/UpToDate C r-----",
            Status(4, "drbd0: the copy here is Diskless"),
        ),
        ("", FINE),
    ],
)
def test_the_status_of_mirrored_disks_tells_whether_somebody_has_to_come(file, line, status):
    file.write_text(f"version: 8.4.11 (api:1/proto:86-101)\n {line}\n")
    assert mirrors({}, file)[0] == status


def test_on_a_machine_without_drbd_all_is_well(file):
    assert mirrors({}, file) == (FINE, {"versionInfo": {}, "deviceInfos": []})


def test_block_devices_are_told_without_what_newer_kernels_add(file):
    old = " 254       0 vda 336191 48556 7373666 55706 580301 250307 15159976 102143 0 46884 172035"
    file.write_text(f"{old}\n{old} 100458 29 1627784 7480 134874 4499\n")
    device = {
        "major": 254,
        "minor": 0,
        "name": "vda",
        "readsNum": 336191,
        "mergedReads": 48556,
        "secRead": 7373666,
        "timeRead": 55706,
        "writes": 580301,
        "mergedWrites": 250307,
        "secWritten": 15159976,
        "timeWrite": 102143,
        "ios": 0,
        "timeIO": 46884,
        "wIOmillis": 172035,
    }
    assert block_devices(file) == [device, device]


def stat(*processors):
    lines = [f"cpu{index} {busy} 0 0 {idle} 0 0 0 0 99 0" for index, (busy, idle) in enumerate(processors)]
    return "\n".join(["cpu  1 2 3 4 5 6 7 8 9 10", *lines, "ctxt 5"])


def test_the_load_of_processors_is_the_average_of_the_last_minutes(file):
    processors = Processors(file)
    file.write_text(stat((50, 50), (0, 100)))
    assert processors.look(0.0) == {"cpu_number": 2, "cpus": [0.5, 0.0], "cpu_total": 0.5}
    file.write_text(stat((50, 150), (100, 100)))
    assert processors.look(10.0) == {"cpu_number": 2, "cpus": [0.0, 1.0], "cpu_total": 1.0}
    file.write_text(stat((150, 150), (100, 200)))
    assert processors.look(20.0)["cpus"] == [0.5, 0.5]
    assert processors.look(20.0 + WINDOW)["cpus"] == [0.0, 0.0]


def test_a_processor_that_is_switched_on_is_counted(file):
    processors = Processors(file)
    file.write_text(stat((50, 50)))
    processors.look(0.0)
    file.write_text(stat((50, 50), (10, 30)))
    assert processors.look(1.0) == {"cpu_number": 2, "cpus": [0.5, 0.25], "cpu_total": 0.75}


ROW = {
    "lv_uuid": "nBZ0pE-1234",
    "lv_name": "abc.disk0",
    "lv_attr": "-wi-ao----",
    "lv_tags": "other,originstname+inst1.example.com",
    "modules": "",
    "vg_uuid": "VGuu-id",
    "vg_name": "xenvg",
    "segtype": "linear",
    "seg_tags": "",
    "seg_pe_ranges": "/dev/sda5:0-255",
    "devices": "/dev/sda5(0)",
    "lv_major": "-1",
    "lv_minor": "-1",
    "lv_kernel_major": "253",
    "lv_kernel_minor": "1",
    "lv_size": "1073741824",
    "seg_count": "1",
    "seg_start": "0",
    "seg_start_pe": "",
    "seg_size": "1073741824",
}


def lvs(output="", status=0):
    async def run(*command, timeout):
        if output is None:
            raise EnvironmentUnfit("There is no lvs")
        return Finished(command, status, output, "it failed")

    return run


async def test_logical_volumes_are_told_with_their_instances():
    assert await volumes(lvs(json.dumps({"report": [{"seg": [ROW]}]}))) == [
        {
            "uuid": "nBZ0pE-1234",
            "name": "abc.disk0",
            "attr": "-wi-ao----",
            "major": -1,
            "minor": -1,
            "kernel_major": 253,
            "kernel_minor": 1,
            "size": 1073741824,
            "seg_count": 1,
            "tags": "other,originstname+inst1.example.com",
            "modules": "",
            "vg_uuid": "VGuu-id",
            "vg_name": "xenvg",
            "segtype": "linear",
            "seg_start": 0,
            "seg_start_pe": 0,
            "seg_size": 1073741824,
            "seg_tags": "",
            "seg_pe_ranges": "/dev/sda5:0-255",
            "devices": "/dev/sda5(0)",
            "instance": "inst1.example.com",
        }
    ]


async def test_without_lvm_there_are_no_volumes():
    assert await volumes(lvs(None)) == []


@pytest.mark.parametrize(("output", "status"), [("", 5), ("no JSON", 0)])
async def test_a_failure_of_lvs_is_told(output, status):
    with pytest.raises(ExecutionFailed):
        await volumes(lvs(output, status))


def expected(name="web", admin_state="up", hypervisor="kvm"):
    return Expected(name=name, uuid=f"uuid-{name}", hypervisor=hypervisor, admin_state=admin_state, mtime=5.0)


@pytest.mark.parametrize(
    ("admin_state", "code", "message"),
    [("up", 1, "it does not run"), ("down", 0, ""), ("offline", 0, "")],
)
def test_an_instance_without_a_guest_is_as_it_should_be_if_it_is_to_be_down(tmp_path, admin_state, code, message):
    status, data = instances(
        Paths(tmp_path), [expected(admin_state=admin_state), expected("x", hypervisor="fake")], 9.0
    )
    assert data["instances"] == [
        {
            "name": "web",
            "uuid": "uuid-web",
            "admin_state": admin_state,
            "actual_state": "down",
            "uptime": None,
            "mtime": 5.0,
            "state_reason": [],
            "status": {"code": code, "message": message},
        }
    ]
    assert status == (Status(1, "web: it does not run") if code else FINE)
