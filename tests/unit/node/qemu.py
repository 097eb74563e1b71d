# SPDX-License-Identifier: BSD-2-Clause
"""Guests of QEMU on paper, and the words that would start them."""

from pathlib import Path

from msgspec.structs import replace

from ganeti.host.paths import Paths
from ganeti.model.disk import DiskTemplate
from ganeti.model.guest import Guest
from ganeti.model.parameters import as_mapping, filled
from ganeti.model.parameters.backend import BackendParameters
from ganeti.model.parameters.hypervisor import KvmParameters
from ganeti.node.hypervisor.driver import Resources
from ganeti.node.hypervisor.kvm.capabilities import Capabilities
from ganeti.node.hypervisor.kvm.command import command_line
from ganeti.node.hypervisor.kvm.plan import LaunchPlan


class Everything(frozenset[str]):
    """Of a QEMU that has all there is."""

    def __contains__(self, name):
        return True


QEMU = Capabilities(
    program="/usr/bin/kvm",
    version=(7, 2, 0),
    machines=frozenset({"q35", "pc"}),
    devices=Everything(),
    migration=Everything(),
    vhost_net=True,
)


def guest(**changes):
    made = Guest(
        uuid="00000000-0000-4000-8000-000000000001",
        name="web1",
        hypervisor="kvm",
        disk_template=DiskTemplate.DISKLESS,
        hvparams=as_mapping(KvmParameters()),
        beparams=BackendParameters(),
        network_port=11000,
    )
    return replace(made, **changes)


def configured(**hvparams):
    return guest(hvparams=as_mapping(KvmParameters()) | hvparams)


def plan_of(wanted, *, root="/", disks=(), taps=(), **more):
    parameters = filled(KvmParameters, wanted.hvparams)
    addresses = {name: wanted.hvparams[name] for name in ("vnc_bind_address", "spice_bind")}
    return LaunchPlan(
        wanted,
        parameters,
        QEMU,
        "tcg",
        Resources(disks, taps),
        Paths(Path(root)),
        control=3,
        addresses=addresses,
        **more,
    )


def words(wanted, **more):
    return command_line(plan_of(wanted, **more)).words
