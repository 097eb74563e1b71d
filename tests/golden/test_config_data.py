# SPDX-License-Identifier: BSD-2-Clause
"""The mirror of the configuration has the shape of a ``config.data`` that Ganeti 3.0.2 has written."""

import json
from pathlib import Path

import pytest

from ganeti.config.ganeti_form import GanetiForm
from ganeti.model.cluster import Cluster
from ganeti.model.disk import Disk, DiskTemplate
from ganeti.model.group import Group
from ganeti.model.instance import AdminState, Instance
from ganeti.model.job_filter import JobFilter
from ganeti.model.network import Network
from ganeti.model.nic import Nic
from ganeti.model.node import Node
from ganeti.model.state import State

THEIRS = json.loads((Path(__file__).parent / "config_data/ganeti-3.0.2.json").read_text())
# Parameters that this software has and Ganeti's 3.0.2 has not, or the other way round, are other files' business.
PARAMETERS = ("hvparams", "ndparams", "diskparams", "ipolicy", "nicparams", "beparams", "data_collectors")


def same():
    """The state of which Ganeti has written that file."""
    cluster, theirs = THEIRS["cluster"], THEIRS
    return State().changed(
        [
            Cluster(
                uuid=cluster["uuid"],
                name=cluster["cluster_name"],
                tags=frozenset(cluster["tags"]),
                ctime=cluster["ctime"],
                mtime=cluster["mtime"],
                serial_no=cluster["serial_no"],
                master_node=cluster["master_node"],
                master_ip=cluster["master_ip"],
                master_netdev=cluster["master_netdev"],
                enabled_hypervisors=tuple(cluster["enabled_hypervisors"]),
                enabled_disk_templates=tuple(cluster["enabled_disk_templates"]),
                vg_name=cluster["volume_group_name"],
                osparams=cluster["osparams"],
                hidden_os=frozenset(cluster["hidden_os"]),
                blacklisted_os=frozenset(cluster["blacklisted_os"]),
                max_tracked_jobs=cluster["max_tracked_jobs"],
                compression_tools=tuple(cluster["compression_tools"]),
            ),
            *(
                Network(
                    **{name: one.get(name) for name in ("network6", "gateway", "gateway6")},
                    **stamped(one),
                    network=one["network"],
                    reserved=("10.5.0.9",),
                )
                for one in theirs["networks"].values()
            ),
            *(
                Group(**stamped(one), alloc_policy=one["alloc_policy"], networks=one["networks"])
                for one in theirs["nodegroups"].values()
            ),
            *(
                Node(
                    **stamped(one),
                    **{name: one[name] for name in ("primary_ip", "master_candidate", "group", "ndparams")},
                    certificate=cluster["candidate_certs"][one["uuid"]],
                )
                for one in theirs["nodes"].values()
            ),
            *(instance(one) for one in theirs["instances"].values()),
        ]
    )


def stamped(one):
    return {name: one[name] for name in ("uuid", "name", "serial_no", "ctime", "mtime")} | {
        "tags": frozenset(one["tags"])
    }


def instance(one):
    disks = [THEIRS["disks"][uuid] for uuid in one["disks"]]
    return Instance(
        **stamped(one),
        **{name: one[name] for name in ("primary_node", "os", "hypervisor", "hvparams", "beparams", "osparams")},
        osparams_private=one["osparams_private"],
        admin_state=AdminState(one["admin_state"]),
        disk_template=DiskTemplate.FILE if disks else DiskTemplate.DISKLESS,
        network_port=one.get("network_port"),
        nics=tuple(
            Nic(
                **{name: nic.get(name) for name in ("uuid", "mac", "ip", "name", "network")},
                nicparams={} if nic.get("network") else nic["nicparams"],
            )
            for nic in one["nics"]
        ),
        disks=tuple(
            Disk(
                uuid=disk["uuid"],
                template=DiskTemplate.FILE,
                size=disk["size"],
                location=disk["logical_id"][1],
                driver=disk["logical_id"][0],
                name=disk.get("name"),
            )
            for disk in disks
        ),
    )


@pytest.fixture(scope="module")
def ours():
    return json.loads(GanetiForm().rendered(same(), THEIRS["serial_no"]))


@pytest.mark.parametrize("section", ["nodes", "nodegroups", "instances", "networks"])
def test_objects_are_as_ganeti_writes_them(ours, section):
    assert ours[section] == THEIRS[section]


def test_disks_are_as_ganeti_writes_them_but_for_times_which_are_their_instances(ours):
    times = ("ctime", "mtime", "serial_no")
    assert ours["disks"].keys() == THEIRS["disks"].keys()
    for uuid, disk in THEIRS["disks"].items():
        assert ours["disks"][uuid].keys() == disk.keys()
        assert {**ours["disks"][uuid], **dict.fromkeys(times)} == {**disk, **dict.fromkeys(times)}


def test_the_cluster_is_as_ganeti_writes_it_but_for_parameters(ours):
    assert ours["cluster"].keys() == THEIRS["cluster"].keys()
    # Ganeti tells of the state of every hypervisor, which there is no way to set.
    left_out = {*PARAMETERS, "hv_state_static"}
    assert {name: value for name, value in ours["cluster"].items() if name not in left_out} == {
        name: value for name, value in THEIRS["cluster"].items() if name not in left_out
    }


def test_parameters_have_the_same_shape(ours):
    ours, theirs = ours["cluster"], THEIRS["cluster"]
    assert ours["hvparams"]["kvm"].keys() >= theirs["hvparams"]["kvm"].keys()
    assert ours["ndparams"].keys() >= theirs["ndparams"].keys()
    assert ours["ipolicy"].keys() == theirs["ipolicy"].keys()
    assert ours["nicparams"]["default"].keys() == theirs["nicparams"]["default"].keys()
    assert ours["beparams"]["default"].keys() == theirs["beparams"]["default"].keys()
    for template, parameters in theirs["diskparams"].items():
        assert ours["diskparams"][template].keys() >= parameters.keys(), template
    assert ours["data_collectors"]["lv"] == theirs["data_collectors"]["lv"]


def test_the_file_has_the_same_parts(ours):
    assert ours.keys() == THEIRS.keys()
    assert (ours["version"], ours["serial_no"]) == (THEIRS["version"], THEIRS["serial_no"])


def test_filters_of_jobs_are_in_it_as_the_remote_api_shows_them():
    trail = (("gnt:user", "maintenance", 1),)
    predicates = (("jobid", ["<", "id", 9]),)
    rule = JobFilter(uuid="f-1", name="f-1", watermark=7, predicates=predicates, action="PAUSE", reason_trail=trail)
    found = json.loads(GanetiForm().rendered(same().changed([rule]), 1))["filters"]["f-1"]
    assert found == {
        "watermark": 7,
        "priority": 0,
        "predicates": [["jobid", ["<", "id", 9]]],
        "action": "PAUSE",
        "reason_trail": [["gnt:user", "maintenance", 1]],
        "uuid": "f-1",
    }
