# SPDX-License-Identifier: BSD-2-Clause
"""What the disks of an instance contain when it is created."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from ganeti.declare.parameter import param
from ganeti.declare.types import Parameters
from ganeti.errors import WrongInput
from ganeti.jobs.context import CheckContext, RunContext, Thing
from ganeti.model.disk import DiskTemplate
from ganeti.model.guest import Guest
from ganeti.model.node import Node
from ganeti.operations.os.blacklist import ensure_allowed
from ganeti.rpc.contract.os import InstallOs, ValidateOs

ForceVariant = Annotated[bool, param("Accept an OS variant that the OS does not list", "--force-variant")]
OsParameters = Annotated[Parameters, param("OS parameters", "-O", "--os-parameters", metavar="KEY=VALUE,...")]
PrivateOsParameters = Annotated[
    Parameters | None,
    param(
        "Private OS parameters: stored, but not shown",
        "--os-parameters-private",
        metavar="KEY=VALUE,...",
        secret=True,
    ),
]


class Content:
    """One way to fill disks."""

    # Whether nothing of what was on the disks before can be seen afterwards.
    fills_all: ClassVar[bool] = False

    async def ensure_possible(self, cluster: CheckContext, node: Node, guest: Guest) -> None:
        """Raise a CheckFailed that says why it is not possible."""

    async def fill(self, cluster: RunContext, node: Node, guest: Guest) -> None:
        """Fill the disks, which exist; they are empty unless an operating system is reinstalled."""

    def left(self, node: Node, guest: Guest) -> tuple[Thing, ...]:
        """What there is besides until it is concluded."""
        del node, guest
        return ()

    async def conclude(self, cluster: RunContext, node: Node, guest: Guest) -> None:
        """The instance is recorded. Raises ExecutionFailed if it may not be started yet."""


class Nothing(Content):
    """Disks stay empty: the requester fills them."""


@dataclass(frozen=True, slots=True)
class OperatingSystem(Content):
    """What the scripts of the guest's OS provider install.

    ``installed``: it is already installed, and the scripts don't run. ``anew``: replaces the previous content.
    """

    force_variant: bool
    debug_level: int
    installed: bool = False
    anew: bool = False

    async def ensure_possible(self, cluster: CheckContext, node: Node, guest: Guest) -> None:
        if not guest.os:
            if guest.disk_template is DiskTemplate.DISKLESS or self.installed:
                return
            raise WrongInput("Parameter 'os_type' is missing (-o); or give --no-install")
        ensure_allowed(cluster.state.cluster, guest.os)
        call = ValidateOs(os=guest.os, osparams=guest.osparams, force_variant=self.force_variant)
        in_the_way = await cluster.call(node, call)
        if in_the_way:
            raise WrongInput(f"OS '{guest.os}' cannot be installed on {node.name}: {'; '.join(in_the_way)}")

    async def fill(self, cluster: RunContext, node: Node, guest: Guest) -> None:
        if guest.os and guest.disks and not self.installed:
            cluster.step("running the instance OS create scripts...")
            install = InstallOs(guest=guest, reinstall=self.anew, debug_level=self.debug_level)
            await cluster.call(node, install, prefix="   ")
