# SPDX-License-Identifier: BSD-2-Clause
"""What differs from Ganeti on purpose, or cannot be there yet, with the reason."""

from __future__ import annotations

import re

_SPECS = "given up by Ganeti 2.8 for --ipolicy-bounds-specs"
_KEYS = "SSH keys are the administrator's"
_HELPER = "of the guest in which Ganeti can install an operating system; here its scripts run on the node"
_WCONFD = "asks Ganeti's daemon of that name for its locks and files; 'gnt-debug locks' shows ours"
_XEN, _LXC, _CHROOT = "comes with Xen", "comes with LXC", "comes with chroot"
_ZEROING = "of the guest in which Ganeti zeroes the free space of file systems; there is none here"
_STATES = "experimental in Ganeti, where they say by hand what nodes are asked for here"
_HELPER_IMAGES = "no helper guests: OS scripts run on the node (as Ganeti's do by default), disks are wiped by it"
_XENS = (
    "blockdev_prefix|bootloader_(args|path)|cpu_(cap|weight)|cpuid|device_model|pae|pci_pass|use_bootloader"
    "|vif_(script|type)|viridian"
)

# (file, expression for the whole fact): reason.
EXCEPTIONS = {
    ("cli", r"gnt-cluster \S+ --specs-(cpu-count|disk-count|disk-size|mem-size|nic-count)"): _SPECS,
    ("cli", r"gnt-cluster \S+ --ssh-key-(bits|type)"): _KEYS,
    ("cli", r"gnt-cluster renew-crypto --new-ssh-keys"): _KEYS,
    ("cli", r"\S+ \S+ --roman"): "a joke",
    ("cli", r"gnt-instance add --helper-(shutdown|startup)-timeout"): _HELPER,
    ("cli", r"gnt-debug wconfd( .*)?"): _WCONFD,
    ("cli", r"gnt-(cluster|group|node) \S+ --(disk|hypervisor)-state"): _STATES,
    ("opcodes", r"OP_\S+ (disk|hv)_state"): _STATES,
    ("cli", r"gnt-cluster \S+ --(install|zeroing)-image"): _HELPER_IMAGES,
    ("opcodes", r"OP_CLUSTER_SET_PARAMS (install|zeroing)_image"): _HELPER_IMAGES,
    ("cli", r"gnt-backup export --zero(-free-space|ing-\S+)"): _ZEROING,
    ("cli", r"gnt-backup import --helper-(shutdown|startup)-timeout"): _HELPER,
    ("opcodes", r"OP_INSTANCE_SET_PARAMS hotplug"): "on by default, as since Ganeti 3.1",
    ("fields", rf"instance hv/({_XENS})"): _XEN,
    ("fields", r"instance hv/(devices|drop_capabilities|extra_(cgroups|config)|num_ttys|startup_timeout)"): _LXC,
    ("fields", r"instance hv/init_script"): _CHROOT,
    ("params", r"hvparams xen-.*"): _XEN,
    ("params", r"hvparams lxc .*"): _LXC,
    ("params", r"hvparams chroot .*"): _CHROOT,
    ("params", r"hvparams kvm vhost_net"): "on by default, as since Ganeti 3.1",
}


def reason_for(file: str, fact: str) -> str:
    """Why a fact need not be as it is with Ganeti; empty if it should be."""
    found = (why for (where, which), why in EXCEPTIONS.items() if where == file and re.fullmatch(which, fact))
    return next(found, "")
