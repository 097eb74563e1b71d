# SPDX-License-Identifier: BSD-2-Clause
"""An instance as it lies in the directory of an export: ``config.ini``, version 0 of Ganeti's form.

Its keys are those that Ganeti 3.0 writes; of older ones, which have fewer, what is missing is left to the import. Other
people write such files too, so everything in one has a type and a bound.

A line feed in a value is followed by a tab, as Python's ConfigParser writes it (and so Ganeti). That module takes off
further spaces when it reads, and leaves out lines that begin with "#" or ";": here a value is read exactly as it was.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from msgspec import Meta, Struct
from msgspec.structs import asdict

from ganeti.declare.decode import decode_texts
from ganeti.declare.parameter import param
from ganeti.declare.problems import Problems
from ganeti.declare.types import (
    LONGEST_NAME,
    LONGEST_TEXT,
    MOST_DISKS,
    MOST_NICS,
    Bandwidth,
    BurstSeconds,
    DeviceName,
    HostName,
    Iops,
    Name,
    NonNegative,
    OsName,
    PositiveSize,
    Tags,
    form,
)
from ganeti.errors import WrongInput
from ganeti.model.disk import AccessMode, DiskFormat, IoLimits
from ganeti.model.os_parameters import os_texts

VERSION = 0
EXPORT_DIRECTORY = "/srv/ganeti/export"  # of a node; a directory for each instance
CONFIG_FILE = "config.ini"
LARGEST = 1024**2  # bytes of such a file
NONE = "None"  # how a file says that there is no value
_MOST_LINES = 100_000
_MOST_KEYS = 1000  # of a section
_PLAIN = ("export", "instance", "backend")  # sections of values around which spaces mean nothing

_Sections = Mapping[str, Mapping[str, str]]

# A file beside the configuration, and nowhere else.
DUMP_NAME = r"[A-Za-z0-9+_][A-Za-z0-9+_.-]{0,254}"
DumpName = Annotated[str, form(DUMP_NAME, "the name of a file: letters, digits, '+', '-', '_' and '.'", LONGEST_NAME)]
_Number = Annotated[float, Meta(ge=0, le=2**53)]
_Word = Annotated[str, Meta(max_length=LONGEST_TEXT)]


class ExportedDisk(Struct, frozen=True, kw_only=True):
    """``size`` is in MiB; ``dump`` is the file that an OS provider's script has written.

    ``format`` is how the disk was kept, not what is in the dump.
    """

    size: Annotated[PositiveSize, param("Size")]
    dump: Annotated[DumpName, param("File with its content")]
    name: Annotated[DeviceName | None, param("Name")] = None
    mode: Annotated[AccessMode, param("Access mode")] = "rw"
    format: Annotated[DiskFormat, param("Format")] = "raw"
    iops: Annotated[Iops, param("Limit of requests a second")] = 0
    bps: Annotated[Bandwidth, param("Limit of MiB a second")] = 0
    iops_max: Annotated[Iops, param("Requests a second in bursts")] = 0
    bps_max: Annotated[Bandwidth, param("MiB a second in bursts")] = 0
    burst: Annotated[BurstSeconds, param("Seconds of a burst")] = 1

    @property
    def limits(self) -> IoLimits:
        return IoLimits(**{name: getattr(self, name) for name in IoLimits.__struct_fields__})


class ExportedNic(Struct, frozen=True, kw_only=True):
    """``network`` is the UUID of a network of the cluster that it was exported from, or its name."""

    mac: Annotated[_Word, param("MAC address")]
    ip: Annotated[_Word | None, param("IP address")] = None
    network: Annotated[_Word | None, param("Network")] = None
    name: Annotated[DeviceName | None, param("Name")] = None
    link: Annotated[_Word | None, param("Link")] = None
    mode: Annotated[_Word | None, param("Mode")] = None
    vlan: Annotated[_Word | None, param("VLAN")] = None


class _Origin(Struct, frozen=True, kw_only=True):
    """The section ``export``."""

    version: Annotated[NonNegative, param("Version")]
    os: Annotated[OsName | None, param("Operating system")] = None
    timestamp: Annotated[_Number, param("When it was made")] = 0.0
    source: Annotated[_Word, param("Node it was made on")] = ""


class _Identity(Struct, frozen=True, kw_only=True):
    """Of the section ``instance`` what is there once."""

    name: Annotated[HostName, param("Name")]
    disk_template: Annotated[Name | None, param("Disk template")] = None
    hypervisor: Annotated[Name | None, param("Hypervisor")] = None
    tags: Annotated[Tags, param("Tags")] = []
    disk_count: Annotated[Annotated[int, Meta(ge=0, le=MOST_DISKS)], param("Number of disks")] = 0
    nic_count: Annotated[Annotated[int, Meta(ge=0, le=MOST_NICS)], param("Number of NICs")] = 0


class Export(Struct, frozen=True, kw_only=True):
    """``timestamp``: seconds since the epoch; ``source``: UUID, or name, of the node that the guest was on.

    The parameters are all that the instance had, with those that it had inherited, as texts.
    """

    name: str
    os: str
    timestamp: float = 0.0
    source: str = ""
    disk_template: str | None = None
    hypervisor: str | None = None
    tags: list[str] = []
    disks: tuple[ExportedDisk, ...] = ()
    nics: tuple[ExportedNic, ...] = ()
    hvparams: dict[str, str] = {}
    beparams: dict[str, str] = {}
    osparams: dict[str, str] = {}
    osparams_private: dict[str, str] = {}


def written(export: Export) -> str:
    """The text of the file. Raises WrongInput for what cannot be told in such a file, without any values."""
    backend = export.beparams
    origin = {
        "version": str(VERSION),
        "timestamp": str(int(export.timestamp)),
        "source": export.source,
        "os": export.os,
        "compression": "none",
    }
    instance = {
        "name": export.name,
        **{name: backend[name] for name in ("maxmem", "minmem", "vcpus") if name in backend},
        "memory": backend.get("maxmem", NONE),
        "disk_template": export.disk_template or NONE,
        "hypervisor": export.hypervisor or NONE,
        "tags": " ".join(sorted(export.tags)),
        **dict(_of_nics(export)),
        "nic_count": str(len(export.nics)),
        **dict(_of_disks(export)),
        "disk_count": str(len(export.disks)),
    }
    sections = {
        "export": origin,
        "instance": instance,
        "hypervisor": export.hvparams,
        "backend": backend,
        "os": export.osparams,
        "os_private": export.osparams_private,
    }
    text = "".join(_section(name, values) for name, values in sections.items())
    _ensure_readable(export, text)
    return text


def read(text: str) -> Export:
    """What a file says. Raises WrongInput with all that is wrong with it."""
    sections = _sections(text)
    if missing := [name for name in ("export", "instance") if not sections.get(name)]:
        raise WrongInput(f"{CONFIG_FILE} has no section [{'], ['.join(missing)}], which every export has")
    version = sections["export"].get("version")
    if version != str(VERSION):
        raise WrongInput(f"{CONFIG_FILE}: version '{version}' of the form of exports is not known, only {VERSION} is")
    return _typed(sections)


def _section(name: str, values: Mapping[str, str]) -> str:
    lines = [f"{key} = {value}".replace("\n", "\n\t") for key, value in values.items()]
    return "\n".join([f"[{name}]", *lines, "", ""])


def _sections(text: str) -> _Sections:
    """Keys and values as they are, by section. Raises WrongInput at the first line that makes no sense.

    What is told are numbers of lines: lines themselves may hold what is private.
    """
    if len(text) > LARGEST:
        raise WrongInput(f"{CONFIG_FILE} has more than {LARGEST} characters")
    if text.count("\n") > _MOST_LINES:
        raise WrongInput(f"{CONFIG_FILE} has more than {_MOST_LINES} lines")
    lines = _Lines()
    for number, line in enumerate(text.split("\n"), 1):
        if wrong := lines.take(line):
            raise WrongInput(f"{CONFIG_FILE} is not of the form that exports have: line {number}: {wrong}")
    return {name: _joined(name, values) for name, values in lines.found.items()}


class _Lines:
    """What lines say, one by one: the lines of each value, by section and key."""

    def __init__(self) -> None:
        self.found: dict[str, dict[str, list[str]]] = {}
        self._section: dict[str, list[str]] | None = None
        self._value: list[str] | None = None  # of the last key
        self._empty = 0  # lines before this one, which belong to a value only if it goes on

    def take(self, line: str) -> str:
        """Returns what is wrong with it."""
        if not line:
            self._empty += 1
            return ""
        empty, self._empty = self._empty, 0
        if self._value is not None and line[0] in " \t":
            self._value += [""] * empty + [line[1:]]
            return ""
        if line[0] in "#;" or not line.strip():
            return ""
        return self._begin(header) if (header := _header(line)) else self._add(*_pair(line))

    def _begin(self, header: str) -> str:
        if header in self.found:
            return "this section already exists"
        self._section, self._value = self.found.setdefault(header, {}), None
        return ""

    def _add(self, key: str, value: str) -> str:
        if not key or self._section is None:
            return "it makes no sense"
        if key in self._section:
            return "this key already exists"
        if len(self._section) == _MOST_KEYS:
            return f"its section has more than {_MOST_KEYS} keys"
        self._value = self._section.setdefault(key, [value])
        return ""


def _header(line: str) -> str:
    """The name of the section that begins with it; empty if none does."""
    line = line.rstrip()
    return line[1:-1] if line.startswith("[") and line.endswith("]") else ""


def _pair(line: str) -> tuple[str, str]:
    """A key, empty if there is none, and the first line of its value."""
    key, *rest = re.split("[=:]", line, maxsplit=1)
    return ("", "") if not rest or line[0] in " \t[" else (key.rstrip(), rest[0].removeprefix(" "))


def _joined(section: str, values: Mapping[str, list[str]]) -> dict[str, str]:
    texts = {key: "\n".join(lines) for key, lines in values.items()}
    return {key: text.strip() for key, text in texts.items()} if section in _PLAIN else texts


def _typed(sections: _Sections) -> Export:
    problems, instance = Problems(), sections["instance"]
    origin = problems.attempt(lambda: _decoded(sections["export"], _Origin, "[export]"), None)
    identity = problems.attempt(lambda: _identity(instance), None)
    disks = [problems.attempt(_reader(instance, f"disk{n}_", ExportedDisk), None) for n in _upto(identity, "disk")]
    nics = [problems.attempt(_reader(instance, f"nic{n}_", ExportedNic), None) for n in _upto(identity, "nic")]
    private = problems.attempt(lambda: os_texts(sections.get("os_private", {}), "[os_private]"), dict[str, str]())
    public = problems.attempt(lambda: os_texts(sections.get("os", {}), "[os]"), dict[str, str]())
    problems.tell()
    assert origin is not None and identity is not None  # noqa: S101, PT018 - or else there was a problem
    return Export(
        name=identity.name,
        os=origin.os or "",
        timestamp=origin.timestamp,
        source=origin.source,
        disk_template=identity.disk_template,
        hypervisor=identity.hypervisor,
        tags=identity.tags,
        disks=tuple(disk for disk in disks if disk),
        nics=tuple(nic for nic in nics if nic),
        hvparams=dict(sections.get("hypervisor", {})),
        beparams=dict(sections.get("backend", {})) or _older_backend(instance),
        osparams=public,
        osparams_private=private,
    )


def _upto(identity: _Identity | None, what: str) -> range:
    return range(getattr(identity, f"{what}_count") if identity else 0)


def _identity(instance: Mapping[str, str]) -> _Identity:
    identity: _Identity = _decoded({**instance, "tags": instance.get("tags", "").split()}, _Identity, "[instance]")
    return identity


def _older_backend(instance: Mapping[str, str]) -> dict[str, str]:
    """Of exports from before backend parameters had a section of their own."""
    return {name: instance[name] for name in ("memory", "vcpus") if name in instance}


def _reader(instance: Mapping[str, str], prefix: str, cls: type[Struct]) -> Any:
    return lambda: _decoded(
        {key.removeprefix(prefix): value for key, value in instance.items() if key.startswith(prefix)},
        cls,
        f"[instance] {prefix.rstrip('_')}",
    )


def _decoded(values: Mapping[str, Any], cls: Any, where: str) -> Any:
    """Keys that are not known are left: later versions may have more of them."""
    known = {key: value for key, value in values.items() if key in cls.__struct_fields__}
    given = {key: None if value == NONE else value for key, value in known.items() if value != ""}
    try:
        return decode_texts(given, cls, where)
    except WrongInput as error:
        lines = [line.removeprefix(f"{where}: ") for line in error.message.splitlines()]
        raise WrongInput("\n".join(f"{CONFIG_FILE} {where}: {line}" for line in lines)) from None


def _of_nics(export: Export) -> Iterator[tuple[str, str]]:
    for index, nic in enumerate(export.nics):
        for key, value in asdict(nic).items():
            yield f"nic{index}_{key}", NONE if value is None else value


def _of_disks(export: Export) -> Iterator[tuple[str, str]]:
    for index, disk in enumerate(export.disks):
        yield f"disk{index}_ivname", f"disk/{index}"
        yield f"disk{index}_dump", disk.dump
        yield f"disk{index}_size", str(disk.size)
        yield f"disk{index}_name", disk.name or NONE
        yield f"disk{index}_mode", disk.mode  # this one and the next are not known to Ganeti
        yield f"disk{index}_format", disk.format
        for name, value in disk.limits.options.items():
            yield f"disk{index}_{name}", str(value)


def _ensure_readable(export: Export, text: str) -> None:
    """Raise WrongInput, naming what would be read as something else: such a file knows no quotes for names."""
    if len(text.encode()) > LARGEST:
        raise WrongInput(f"{CONFIG_FILE} would have more than {LARGEST} bytes")
    try:
        again = read(text)
    except WrongInput as error:
        raise WrongInput(f"What is to be exported cannot be written down: {error.message}") from None
    for what in ("osparams", "osparams_private", "hvparams", "beparams"):
        meant, found = getattr(export, what), getattr(again, what)
        if wrong := [name for name in sorted(meant) if found.get(name) != meant[name]]:
            raise WrongInput(
                f"Parameter '{what}': {', '.join(wrong)} cannot be written into {CONFIG_FILE}: there a name has no '=' "
                "or ':', and does not begin with '#', ';' or '['"
            )
