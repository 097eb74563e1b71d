# SPDX-License-Identifier: BSD-2-Clause
"""What format 1 kept and nothing could work with is gone in format 2; everything else is as it was."""

import msgspec
import pytest

from ganeti.config.format_1 import to_format_2
from ganeti.model.cluster import Cluster
from ganeti.model.instance import Instance
from ganeti.model.parameters import filled
from ganeti.model.parameters.hypervisor import KvmParameters
from ganeti.rpc.contract.store import Record

NAMED = {"uuid": "u", "name": "n"}


def upgraded(kind, **body):
    (record,) = to_format_2([Record(kind, "u", msgspec.Raw(msgspec.json.encode(NAMED | body)))])
    return msgspec.json.decode(record.body)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("vga", "bogus"),
        ("keymap", "klingon"),
        ("disk_type", "mtd"),
        ("security_model", "pool"),
        ("kernel_path", "vmlinuz"),
        ("kvm_path", ""),
        ("cpu_mask", "some"),
        ("virtio_net_queues", 9),
    ],
)
def test_an_override_that_no_guest_could_start_with_goes(name, value):
    right = {"acpi": False, "usb_mouse": "tablet"}
    instance = upgraded("instance", hypervisor="kvm", hvparams=right | {name: value})
    assert instance["hvparams"] == right
    cluster = upgraded("cluster", hvparams={"kvm": {name: value}}, os_hvp={"debian": {"kvm": right | {name: value}}})
    assert (cluster["hvparams"], cluster["os_hvp"]) == ({"kvm": {}}, {"debian": {"kvm": right}})


def test_what_is_kept_can_be_read_as_it_is():
    kept = {
        "vga": "std",
        "keymap": "de",
        "kernel_path": "",
        "cpu_mask": "0-1:all",
        "virtio_net_queues": 2,
        "cpu_type": "host,+vmx",
        "vnc_bind_address": "0.0.0.0",
        "machine_version": "pc-q35-7.2",
    }
    instance = upgraded("instance", hypervisor="kvm", hvparams=kept, primary_node="n", disk_template="file")
    assert msgspec.convert(instance, Instance).hvparams == kept
    assert filled(KvmParameters, instance["hvparams"])


def test_settings_that_no_cluster_could_work_with_get_their_defaults():
    body = upgraded(
        "cluster",
        master_node="m",
        max_running_jobs=0,
        file_storage_dir="/",
        master_netmask=999,
        master_netdev="br0",
        beparams={"maxmem": 0, "vcpus": 2},
    )
    cluster = msgspec.convert(body, Cluster)
    assert (cluster.max_running_jobs, cluster.file_storage_dir, cluster.master_netmask, cluster.master_netdev) == (
        *(20, "/srv/ganeti/file-storage", 32),
        "br0",
    )
    assert cluster.beparams == {"vcpus": 2}


def test_a_power_program_without_a_full_path_goes():
    assert upgraded("node", ndparams={"oob_program": "ipmi", "ssh_port": 23})["ndparams"] == {"ssh_port": 23}
    assert upgraded("group", ndparams={"oob_program": "/bin/x"})["ndparams"] == {"oob_program": "/bin/x"}


def test_other_records_are_left_as_they_are():
    job = Record("job", "1", msgspec.Raw(b'{"id": 1}'))
    assert to_format_2([job]) == [job]
