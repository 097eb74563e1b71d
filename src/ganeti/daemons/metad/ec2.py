# SPDX-License-Identifier: BSD-2-Clause
"""What a guest is told in the form of Amazon EC2's metadata service ("Instance metadata and user data").

cloud-init's data source Ec2 reads it so. A directory is the list of what is in it, one entry per line.
"""

from __future__ import annotations

from collections.abc import Mapping

from ganeti.model.metadata import Metadata

VERSIONS = ("2009-04-04", "latest")
# OS parameters that are told in places of their own.
PUBLIC_KEYS, USER_DATA = "public_keys", "user_data"

Tree = Mapping[str, "str | Tree"]


def tree(metadata: Metadata) -> Tree:
    """What is at ``/VERSION/``."""
    given = {name: value for name, (value, _) in metadata.osparams.items()}
    found: dict[str, str | Tree] = {"meta-data": _meta_data(metadata, given.get(PUBLIC_KEYS, ""))}
    return found | ({"user-data": given[USER_DATA]} if given.get(USER_DATA) else {})


def _meta_data(metadata: Metadata, keys: str) -> Tree:
    told: dict[str, str | Tree] = {
        "ami-id": metadata.os or "none",
        "hostname": metadata.name,
        "instance-id": f"i-{metadata.uuid.replace('-', '')[:17]}",
        "instance-type": f"{metadata.vcpus}x{metadata.memory}",
        "local-hostname": metadata.name,
    }
    if metadata.nics:
        told["mac"] = metadata.nics[0].mac
        told |= {"local-ipv4": metadata.nics[0].ip} if metadata.nics[0].ip else {}
    if lines := [line.strip() for line in keys.splitlines() if line.strip()]:
        told["public-keys"] = _PublicKeys({str(index): {"openssh-key": line} for index, line in enumerate(lines)})
    return told


class _PublicKeys(dict[str, "str | Tree"]):
    """Keys have names too, which stand in the list alone."""


def listing(directory: Tree) -> str:
    if isinstance(directory, _PublicKeys):
        return "\n".join(f"{index}=key-{index}" for index in directory)
    return "\n".join(name if isinstance(inside, str) else f"{name}/" for name, inside in directory.items())


def at(directory: Tree, path: str) -> str | None:
    """The text at a path below a directory, or the list of it; None if nothing is there."""
    found: str | Tree = directory
    for name in filter(None, path.split("/")):
        inside = None if isinstance(found, str) else found.get(name)
        if inside is None:
            return None
        found = inside
    return found if isinstance(found, str) else listing(found)
