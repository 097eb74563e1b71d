# SPDX-License-Identifier: BSD-2-Clause
"""Format 1 kept parameters that no guest could start with, and settings that no cluster could work with.

Since format 2 they are refused where they are set. Overrides with such values are removed, so that the inherited value
applies again; a setting gets its default.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from ganeti.rpc.contract.store import Record

_PATH = re.compile(r"(/[^\x00-\x1f]*)?")
_DIRECTORY = re.compile(r"(?!.*/\.\.?(/|\Z))((/[^/\x00-\x1f]+)+/?)?")
_MASK = r"(all|\d{1,4}(-\d{1,4})?(,\d{1,4}(-\d{1,4})?)*)"
_CARD = "(ac97|es1370|hda|sb16|adlib|cs4231a|gus)"
_WAN_COMPRESSION = ("", "auto", "never", "always")
_KEYMAP = re.compile(
    "|ar|bepo|cz|da|de|de-ch|en-gb|en-us|es|et|fi|fo|fr|fr-be|fr-ca|fr-ch|hr|hu|is|it|ja|lt|lv|mk|nl|no|pl|pt|pt-br"
    "|ru|sl|sv|th|tr"
)

# Allowed values; parameters that aren't named here were checked already.
_KVM: Mapping[str, Sequence[str] | re.Pattern[str]] = {
    "cdrom2_image_path": _PATH,
    "cdrom_disk_type": ("", "paravirtual", "ide", "scsi"),
    "cdrom_image_path": _PATH,
    "cpu_mask": re.compile(rf"{_MASK}(:{_MASK})*"),
    "cpu_type": re.compile(r"|[A-Za-z0-9][\w.+=,:-]*"),
    "disk_type": ("paravirtual", "scsi-hd", "scsi-block", "scsi-generic", "scsi", "ide", "sd"),
    "floppy_image_path": _PATH,
    "initrd_path": _PATH,
    "kernel_path": _PATH,
    "keymap": _KEYMAP,
    "kvm_path": re.compile(r"/[^\x00-\x1f]+"),
    "machine_version": re.compile(r"|[a-z0-9][\w.+-]*"),
    "mem_path": _PATH,
    "migration_caps": re.compile(r"|[a-z][a-z0-9-]*(:[a-z][a-z0-9-]*)*"),
    "security_domain": re.compile(r"|[a-z_][a-z0-9_-]{0,31}"),
    "security_model": ("none", "user"),
    "soundhw": re.compile(rf"|all|{_CARD}(,{_CARD})*"),
    "spice_image_compression": ("", "auto_glz", "auto_lz", "quic", "glz", "lz", "off"),
    "spice_jpeg_wan_compression": _WAN_COMPRESSION,
    "spice_password_file": _PATH,
    "spice_streaming_video": ("", "off", "all", "filter"),
    "spice_zlib_glz_wan_compression": _WAN_COMPRESSION,
    "vga": ("", "std", "cirrus", "vmware", "qxl", "virtio", "none"),
    "vnc_password_file": _PATH,
    "vnc_x509_path": _PATH,
}
_SETTINGS: Mapping[str, Callable[[Any], bool]] = {
    "candidate_pool_size": lambda value: value >= 1,
    "max_running_jobs": lambda value: value >= 1,
    "max_tracked_jobs": lambda value: value >= 1,
    "mac_prefix": lambda value: bool(re.fullmatch(r"[0-9a-f][02468ace](:[0-9a-f]{2}){2}", value)),
    "master_netdev": lambda value: bool(re.fullmatch(r"[^\s/]{1,15}", value)),
    "master_netmask": lambda value: 0 <= value <= 128,
    "file_storage_dir": lambda value: bool(_DIRECTORY.fullmatch(value)),
    "shared_file_storage_dir": lambda value: bool(_DIRECTORY.fullmatch(value)),
    "gluster_storage_dir": lambda value: bool(_DIRECTORY.fullmatch(value)),
    "primary_ip_version": lambda value: value in (4, 6),
}


def to_format_2(records: Sequence[Record]) -> Sequence[Record]:
    return [_changed(record) if record.kind in _BY_KIND else record for record in records]


def _changed(record: Record) -> Record:
    body = msgspec.json.decode(record.body)
    return Record(record.kind, record.key, msgspec.Raw(msgspec.json.encode(_BY_KIND[record.kind](body))))


def _cluster(body: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in body.items() if name not in _SETTINGS or _SETTINGS[name](value)}
    for tables in (kept.get("hvparams", {}), *kept.get("os_hvp", {}).values()):
        if "kvm" in tables:
            tables["kvm"] = _kvm(tables["kvm"])
    return _with_backend(kept)


def _node(body: dict[str, Any]) -> dict[str, Any]:
    program = body.get("ndparams", {}).get("oob_program", "")
    if not _PATH.fullmatch(program):
        del body["ndparams"]["oob_program"]
    return body


def _instance(body: dict[str, Any]) -> dict[str, Any]:
    if body.get("hypervisor") == "kvm" and "hvparams" in body:
        body["hvparams"] = _kvm(body["hvparams"])
    return _with_backend(body)


def _kvm(parameters: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in parameters.items() if name not in _KVM or _fits(value, _KVM[name])}
    if not 1 <= kept.get("virtio_net_queues", 1) <= 8:
        del kept["virtio_net_queues"]
    return kept


def _fits(value: str, allowed: Sequence[str] | re.Pattern[str]) -> bool:
    return bool(allowed.fullmatch(value)) if isinstance(allowed, re.Pattern) else value in allowed


def _with_backend(body: dict[str, Any]) -> dict[str, Any]:
    for name in ("minmem", "maxmem"):
        if body.get("beparams", {}).get(name) == 0:
            del body["beparams"][name]
    return body


_BY_KIND: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "cluster": _cluster,
    "group": _node,
    "node": _node,
    "instance": _instance,
}
