# SPDX-License-Identifier: BSD-2-Clause
"""The constrained types of parameters. The limits of all input are declared here."""

from __future__ import annotations

import re
from typing import Annotated, Any

from msgspec import Meta

from ganeti.declare.text import SIZE_PATTERN, parse_mib, parse_size, shortened
from ganeti.errors import WrongInput

# More than any real value: fits the counters of every program that uses these.
MOST = 2**31 - 1
MOST_MIB = 16 * 1024**3  # 16 PiB
MOST_SECONDS = 366 * 24 * 3600
# As Ganeti's MAX_DISKS, MAX_NICS and MAX_TAGS_PER_OBJ.
MOST_DISKS = 16
MOST_NICS = 8
MOST_IOPS = 10_000_000
MOST_BANDWIDTH = 1024**2  # MiB a second
LONGEST_BURST = 3600  # seconds
MOST_TAGS = 4096
MOST_NAMES = 10000  # in a list of objects
MOST_KINDS = 100  # of disk templates, hypervisors, error codes ...
MOST_BOUNDS = 100  # in an instance policy
MOST_JOBS = 10000  # that one may depend on
MOST_FIELDS = 500  # columns of a list
LONGEST_NAME = 255  # characters
LONGEST_TEXT = 4096
NO_CONTROL_CHARACTERS = "a text without control characters"

NonNegative = Annotated[int, Meta(ge=0, le=MOST)]
DiskIndex = Annotated[int, Meta(ge=0, le=MOST_DISKS - 1)]
Positive = Annotated[int, Meta(ge=1, le=MOST)]
# Of jobs, as of processes: lower numbers go first.
Priority = Annotated[int, Meta(ge=-20, le=19)]
Ratio = Annotated[float, Meta(ge=0, le=1e6)]
Seconds = Annotated[int, Meta(ge=0, le=MOST_SECONDS)]
# Fractions of a second are allowed.
Duration = Annotated[float, Meta(ge=0, le=MOST_SECONDS)]

Text = Annotated[str, Meta(max_length=LONGEST_TEXT)]
# What is allowed in a line of a file or a list, in an environment and on a command line.
_LINE = Meta(pattern=r"^[^\x00-\x1f]*\Z", extra={"expected": NO_CONTROL_CHARACTERS})
NonEmpty = Annotated[str, Meta(min_length=1, max_length=LONGEST_TEXT), _LINE]
# Of an object, or its UUID.
Name = Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME), _LINE]
# Of one of several disks or the like, which may also be referred to by number.
DeviceName = Annotated[
    str,
    Meta(
        pattern=r"^(?!-?[0-9]+\Z)[^\x00-\x1f]*\Z",
        min_length=1,
        max_length=LONGEST_NAME,
        extra={"expected": "a name that is not a number, without control characters"},
    ),
]
Names = Annotated[list[Name], Meta(max_length=MOST_NAMES)]
Fields = Annotated[list[Name], Meta(max_length=MOST_FIELDS)]

# Memory and disk sizes, in MiB. A string may have a unit: 512, 512m, 1.5g, 2t.
_A_SIZE = Meta(extra={"kind": "size", "reads": parse_size}, extra_json_schema={"pattern": SIZE_PATTERN})
Size = Annotated[int, Meta(ge=0, le=MOST_MIB), _A_SIZE]
PositiveSize = Annotated[int, Meta(ge=1, le=MOST_MIB), _A_SIZE]

# Limits of a disk: requests a second, MiB a second, seconds of a burst.
Iops = Annotated[int, Meta(ge=0, le=MOST_IOPS)]
Bandwidth = Annotated[
    int,
    Meta(ge=0, le=MOST_BANDWIDTH),
    Meta(extra={"kind": "size", "reads": parse_mib}, extra_json_schema={"pattern": SIZE_PATTERN}),
]
BurstSeconds = Annotated[int, Meta(ge=1, le=LONGEST_BURST)]


def form(pattern: str, expected: str, longest: int = LONGEST_TEXT) -> Meta:
    """The annotation of a string that matches a pattern as a whole; an error says what was ``expected``."""
    return Meta(pattern=rf"^({pattern})\Z", max_length=longest, extra={"expected": expected})


Uuid = Annotated[
    str,
    form(
        r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", "a UUID such as 6c1e4d9e-4b9a-4c43-9a4e-1f2d3c4b5a69", 36
    ),
]

# It becomes a part of paths and shell commands, so no other characters are allowed.
HOST_NAME = r"[A-Za-z0-9]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_-]{1,63})*"
HostName = Annotated[
    str, form(HOST_NAME, "a host name: letters, digits, '-', '_' and '.', beginning with a letter or digit", 253)
]
_PLAIN_NAME = "a name of letters, digits, '-', '_' and '.', beginning with a letter or digit"
GroupName = Annotated[str, form(HOST_NAME, _PLAIN_NAME, LONGEST_NAME)]
# Where a network is named, "none" means that there is none.
NetworkName = Annotated[str, form(rf"(?!none\Z){HOST_NAME}", f"{_PLAIN_NAME}, other than 'none'", LONGEST_NAME)]
NetworkNameOrNone = Annotated[
    str, form(rf"|(?!none\Z){HOST_NAME}", f"{_PLAIN_NAME}, or nothing for none", LONGEST_NAME)
]
# OS provider with an optional variant, as in "debian+bookworm".
OS_NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]*"
OsName = Annotated[str, form(rf"{OS_NAME}(\+{OS_NAME})?", "an OS name such as 'debian' or 'debian+bookworm'", 120)]
StorageProviderName = Annotated[
    str, form(OS_NAME, "the name of a provider of external storage, as 'gnt-storage diagnose' has it", 120)
]
# They become environment variables of its scripts.
StorageProviderParameters = Annotated[
    dict[
        Annotated[str, form(r"[A-Za-z0-9_.-]+", "the name of a parameter: letters, digits, '_', '-' and '.'", 100)],
        Annotated[str, form(r"[^\x00-\x1f]*", NO_CONTROL_CHARACTERS)],
    ],
    Meta(max_length=100),
]
_VOLUME_GROUP = r"[A-Za-z0-9+_.][A-Za-z0-9+_.-]*"
VolumeGroup = Annotated[str, form(_VOLUME_GROUP, "the name of an LVM volume group, such as xenvg", 127)]
VolumeGroupOrNone = Annotated[
    str, form(f"|{_VOLUME_GROUP}", "the name of an LVM volume group, such as xenvg, or nothing for none", 127)
]

# A logical volume of a group that is named elsewhere, or a device with the same name on all nodes.
AdoptedVolume = Annotated[
    str,
    form(
        r"[A-Za-z0-9+_.][A-Za-z0-9+_.-]*|/dev/disk(/(?!\.\.?(/|$))[A-Za-z0-9+_.:@=,~#%-]+)+",
        "the name of a logical volume, or of a block device in /dev/disk/",
        255,
    ),
]

DevicePath = Annotated[
    str,
    form(r"/dev(/(?!\.\.?(/|$))[A-Za-z0-9+_.:@=,~#%-]+)+", "the path of a device, such as /dev/sdb", 255),
]

# A unicast MAC address, or the request to generate one.
MacRequest = Annotated[
    str,
    form(
        r"(?!00(:00){5})(auto|generate|none|[0-9A-Fa-f][02468ACEace](:[0-9A-Fa-f]{2}){5})",
        "the MAC address of a card, such as aa:00:00:12:34:56, or 'auto'",
        17,
    ),
]
# As interfaces and bridges are called; none is an option of a command.
NetworkDevice = Annotated[
    str, form(r"|[A-Za-z0-9_][A-Za-z0-9_.@-]{0,14}", "the name of a network device, such as eth1, or nothing", 15)
]
_VLAN = r"(409[0-4]|40[0-8]\d|[1-3]\d{3}|[1-9]\d{0,2})"
_VLANS = rf"(\.?{_VLAN}(:{_VLAN}){{0,50}}|(:{_VLAN}){{1,50}})"
_ARE_VLANS = "VLANs from 1 to 4094, such as .10, :20:30 or .10:20:30"
# Of a network card: the one whose frames have no tag, and those whose frames have.
Vlans = Annotated[str, form(_VLANS, _ARE_VLANS, 255)]
VlansOrNone = Annotated[str, form(f"|{_VLANS}", _ARE_VLANS, 255)]
_MAC_PREFIX = r"[0-9a-fA-F][02468aceACE](:[0-9a-fA-F]{2}){2}"
MacPrefix = Annotated[str, form(_MAC_PREFIX, "the beginning of a MAC address, such as aa:00:00", longest=8)]

_OCTET = r"(25[0-5]|2[0-4]\d|1?\d?\d)"
_IPV4 = rf"{_OCTET}(\.{_OCTET}){{3}}"
# The pattern only checks characters; the rest shows when connecting.
_IPV6 = r"[0-9A-Fa-f]{0,4}(:[0-9A-Fa-f]{0,4}){2,7}(\.\d{1,3}){0,3}"
IpAddress = Annotated[str, form(rf"{_IPV4}|{_IPV6}", "an IP address such as 192.0.2.1 or 2001:db8::1", 45)]

# Of a network; "none" removes an optional one.
Subnet = Annotated[str, form(rf"{_IPV4}/\d{{1,2}}", "an IPv4 subnet such as 192.0.2.0/24", 18)]
Ipv4Span = Annotated[
    str,
    form(rf"{_IPV4}(-{_IPV4})?", "an IPv4 address such as 192.0.2.7, or a range such as 192.0.2.7-192.0.2.19", 31),
]
Ipv4Spans = Annotated[list[Ipv4Span], Meta(max_length=MOST_NAMES)]
GatewayOrNone = Annotated[str, form(rf"{_IPV4}|none", "an IPv4 address such as 192.0.2.1, or 'none'", 15)]
Gateway6OrNone = Annotated[str, form(rf"{_IPV6}|none", "an IPv6 address such as 2001:db8::1, or 'none'", 45)]
Subnet6OrNone = Annotated[str, form(rf"{_IPV6}/\d{{1,3}}|none", "an IPv6 subnet such as 2001:db8::/64, or 'none'", 49)]
MacPrefixOrNone = Annotated[
    str, form(rf"{_MAC_PREFIX}|none", "the beginning of a MAC address, such as aa:00:00, or 'none'", longest=8)
]

# The characters that Ganeti allows in tags.
Tag = Annotated[
    str,
    form(r"[\w.+*/:@-]+", "a tag: letters, digits and any of . + * / : @ - _, at most 128 characters", 128),
]
Tags = Annotated[list[Tag], Meta(max_length=MOST_TAGS)]

AbsolutePath = Annotated[str, form(r"(/[^\x00-\x1f]*)?", "an absolute path, or nothing")]

# Parameters whose names and types another table declares (hypervisor, backend, OS ...).
Parameters = Annotated[dict[Name, Any], Meta(max_length=1000)]
# By hypervisor, disk template or OS.
ParametersByKind = Annotated[dict[Name, Parameters], Meta(max_length=MOST_NAMES)]


def ensure_host_name(name: str, parameter: str) -> None:
    """Raise WrongInput for an invalid host name, which might lead elsewhere as a part of a path."""
    if not re.fullmatch(HOST_NAME, name):
        raise WrongInput(f"Parameter '{parameter}': '{shortened(name)}' is not a host name")
