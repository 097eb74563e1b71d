# SPDX-License-Identifier: BSD-2-Clause
"""An instance as it lies in the directory of an export: ``config.ini``, version 0 of Ganeti's form.

Its keys are those that Ganeti 3.0 writes; of older ones, which have fewer, what is missing is left to the import. Other
people write such files too, so everything in one has a type and a bound.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from configparser import ConfigParser, Error, MissingSectionHeaderError, ParsingError
from io import StringIO
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
    DeviceName,
    HostName,
    Name,
    NonNegative,
    OsName,
    PositiveSize,
    Tags,
    form,
)
from ganeti.errors import WrongInput
from ganeti.model.disk import AccessMode, DiskFormat
from ganeti.model.os_parameters import os_texts

VERSION = 0
EXPORT_DIRECTORY = "/srv/ganeti/export"  # of a node; a directory for each instance
CONFIG_FILE = "config.ini"
LARGEST = 1024**2  # bytes of such a file
_NONE = "None"
_MOST_TOLD = 5  # lines that make no sense
_MOST_KEYS = 1000  # of a section

# A file beside the configuration, and nowhere else.
DumpName = Annotated[
    str,
    form(r"[A-Za-z0-9+_][A-Za-z0-9+_.-]*", "the name of a file: letters, digits, '+', '-', '_' and '.'", LONGEST_NAME),
]
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
    parser = _parser()
    backend = export.beparams
    parser["export"] = {
        "version": str(VERSION),
        "timestamp": str(int(export.timestamp)),
        "source": export.source,
        "os": export.os,
        "compression": "none",
    }
    parser["instance"] = {
        "name": export.name,
        **{name: backend[name] for name in ("maxmem", "minmem", "vcpus") if name in backend},
        "memory": backend.get("maxmem", _NONE),
        "disk_template": export.disk_template or _NONE,
        "hypervisor": export.hypervisor or _NONE,
        "tags": " ".join(sorted(export.tags)),
        **dict(_of_nics(export)),
        "nic_count": str(len(export.nics)),
        **dict(_of_disks(export)),
        "disk_count": str(len(export.disks)),
    }
    sections = {"hypervisor": export.hvparams, "backend": backend, "os": export.osparams}
    for section, values in (sections | {"os_private": export.osparams_private}).items():
        parser[section] = values
    text = StringIO()
    parser.write(text)
    _ensure_readable(export, text.getvalue())
    return text.getvalue()


def read(text: str) -> Export:
    """What a file says. Raises WrongInput with all that is wrong with it."""
    parser = _parser()
    try:
        parser.read_string(text, CONFIG_FILE)
    except Error as error:
        raise WrongInput(f"{CONFIG_FILE} is not of the form that exports have: {_about(error)}") from None
    sections = {name: _known(parser, name) for name in ("export", "instance", "hypervisor", "backend")}
    if missing := [name for name in ("export", "instance") if not sections[name]]:
        raise WrongInput(f"{CONFIG_FILE} has no section [{'], ['.join(missing)}], which every export has")
    version = sections["export"].get("version")
    if version != str(VERSION):
        raise WrongInput(f"{CONFIG_FILE}: version '{version}' of the form of exports is not known, only {VERSION} is")
    return _typed(parser, sections)


def _about(error: Error) -> str:
    """Without the lines themselves, which may hold what is private."""
    if isinstance(error, ParsingError):
        headless = isinstance(error, MissingSectionHeaderError)  # which has no list of them
        numbers = [1] if headless else [number for number, _ in error.errors]
        return f"line {', '.join(map(str, numbers[:_MOST_TOLD]))} makes no sense"
    return error.message.replace("\n", " ")


def _typed(parser: ConfigParser, sections: Mapping[str, dict[str, str]]) -> Export:
    problems, instance = Problems(), sections["instance"]
    origin = problems.attempt(lambda: _decoded(sections["export"], _Origin, "[export]"), None)
    identity = problems.attempt(lambda: _identity(instance), None)
    disks = [problems.attempt(_reader(instance, f"disk{n}_", ExportedDisk), None) for n in _upto(identity, "disk")]
    nics = [problems.attempt(_reader(instance, f"nic{n}_", ExportedNic), None) for n in _upto(identity, "nic")]
    private = problems.attempt(lambda: os_texts(dict(_items(parser, "os_private")), "[os_private]"), dict[str, str]())
    public = problems.attempt(lambda: os_texts(dict(_items(parser, "os")), "[os]"), dict[str, str]())
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
        hvparams=sections["hypervisor"],
        beparams=sections["backend"] or _older_backend(instance),
        osparams=public,
        osparams_private=private,
    )


def _upto(identity: _Identity | None, what: str) -> range:
    return range(getattr(identity, f"{what}_count") if identity else 0)


def _identity(instance: Mapping[str, str]) -> _Identity:
    values: dict[str, Any] = {key: value for key, value in instance.items() if key in _Identity.__struct_fields__}
    identity: _Identity = _decoded(values | {"tags": values.get("tags", "").split()}, _Identity, "[instance]")
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
    given = {key: None if value == _NONE else value for key, value in known.items() if value != ""}
    try:
        return decode_texts(given, cls, where)
    except WrongInput as error:
        lines = [line.removeprefix(f"{where}: ") for line in error.message.splitlines()]
        raise WrongInput("\n".join(f"{CONFIG_FILE} {where}: {line}" for line in lines)) from None


def _of_nics(export: Export) -> Iterator[tuple[str, str]]:
    for index, nic in enumerate(export.nics):
        for key, value in asdict(nic).items():
            yield f"nic{index}_{key}", _NONE if value is None else value


def _of_disks(export: Export) -> Iterator[tuple[str, str]]:
    for index, disk in enumerate(export.disks):
        yield f"disk{index}_ivname", f"disk/{index}"
        yield f"disk{index}_dump", disk.dump
        yield f"disk{index}_size", str(disk.size)
        yield f"disk{index}_name", disk.name or _NONE
        yield f"disk{index}_mode", disk.mode  # this one and the next are not known to Ganeti
        yield f"disk{index}_format", disk.format


def _ensure_readable(export: Export, text: str) -> None:
    """Raise WrongInput, naming what would be read as something else: such a file knows no quotes."""
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
                f"Parameter '{what}': the value of {', '.join(wrong)} cannot be written into {CONFIG_FILE}: there no "
                "line of a text can begin or end with spaces, or begin with '#' or ';'"
            )


def _parser() -> ConfigParser:
    parser = ConfigParser(interpolation=None, default_section="")
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names of parameters have capitals
    return parser


def _items(parser: ConfigParser, section: str) -> Iterator[tuple[str, str]]:
    if not parser.has_section(section):
        return
    found = parser.items(section)
    if len(found) > _MOST_KEYS:
        raise WrongInput(f"{CONFIG_FILE}: section [{section}] has more than {_MOST_KEYS} keys")
    yield from found


def _known(parser: ConfigParser, section: str) -> dict[str, str]:
    return dict(_items(parser, section))
