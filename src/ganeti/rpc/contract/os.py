# SPDX-License-Identifier: BSD-2-Clause
"""Calls about OS providers (ganeti-os-interface(7))."""

from __future__ import annotations

from msgspec import Struct

from ganeti.model.compression import Compression
from ganeti.model.guest import Guest
from ganeti.rpc.call import Call
from ganeti.rpc.contract.copying import Party


class OsProvider(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``problem`` is empty if it can be used. ``parameters`` by name, with their descriptions."""

    name: str
    path: str
    problem: str = ""
    variants: tuple[str, ...] = ()
    parameters: dict[str, str] = {}
    api_versions: tuple[int, ...] = ()
    trusted: bool = True


class DiagnoseProviders(Call[tuple[OsProvider, ...]], frozen=True, tag="os.diagnose"):
    """The node's OS providers, usable or not. Of several with one name, the first one counts."""

    patience = 30.0


class ValidateOs(Call[tuple[str, ...]], frozen=True, tag="os.validate"):
    """Check OS parameters with the provider. What is wrong with them, as text."""

    os: str
    osparams: dict[str, str]
    check_parameters: bool = True
    force_variant: bool = False
    patience = 120.0


class InstallOs(Call[None], frozen=True, tag="os.install"):
    """Run the provider's ``create`` on the guest's disks. Its output is reported line by line."""

    guest: Guest
    reinstall: bool = False
    debug_level: int = 0
    patience = 4 * 3600.0


class RenameInOs(Call[None], frozen=True, tag="os.rename"):
    """Run the provider's ``rename``: the guest on these disks has a new name."""

    guest: Guest
    old_name: str
    debug_level: int = 0
    patience = 3600.0


class ExportDisk(Call[None], frozen=True, tag="os.export"):
    """Run the provider's ``export`` for one disk; what it writes goes to the node that takes it (``backup.TakeDump``).

    When this returns it is on that node's disk. ``copied``: the guest's disks are snapshots, which nobody else uses;
    the guest may run meanwhile. ``room``: MiB on that disk; InsufficientResources is raised as soon as the script
    predicts a larger dump.
    """

    guest: Guest
    index: int
    receiver: Party
    address: str
    port: int
    compress: Compression = "none"
    copied: bool = False
    room: int | None = None
    debug_level: int = 0
    patience = 24 * 3600.0


class ImportDisk(Call[None], frozen=True, tag="os.import"):
    """Run the provider's ``import`` for one disk, with what the node sends that offers it (``backup.OfferDump``)."""

    guest: Guest
    index: int
    sender: Party
    address: str
    port: int
    debug_level: int = 0
    patience = 24 * 3600.0
