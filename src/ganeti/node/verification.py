# SPDX-License-Identifier: BSD-2-Clause
"""What a node checks about itself for ``gnt-cluster verify``; nothing here changes anything."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from ganeti.errors import GanetiError, ResolverError, in_words
from ganeti.host.certificates import expires, split
from ganeti.host.daemons import Daemon
from ganeti.host.files import read_text
from ganeti.host.reasons import reason
from ganeti.host.services import services
from ganeti.model.guest import GuestNic
from ganeti.node.equipment import Equipment
from ganeti.node.membership import facts_digest, of_candidates, private_files
from ganeti.rpc.contract import verify
from ganeti.rpc.contract.verify import Certificate, Claim, DrbdFacts, Problems, Unreached
from ganeti.rpc.server import Report

_ANY_VLAN = "1"
_ANY = "192.0.2.1"  # an address of documentation (RFC 5737)
_log = logging.getLogger(__name__)

_HOOK_DIRECTORY = re.compile(r"[a-z0-9-]+-(pre|post)\.d")
_FOR_OTHERS = stat.S_IRWXO
_WRITABLE_BY_OTHERS = stat.S_IWOTH


class Verification:
    """Handlers of ``rpc/contract/verify.py``."""

    def __init__(self, equipment: Equipment) -> None:
        self._equipment = equipment
        self._paths = equipment.paths

    async def try_hypervisors(self, call: verify.TryHypervisors, report: Report) -> Problems:
        del report
        tried = [await self._tried(name, parameters) for name, parameters in call.parameters.items()]
        return tuple(problem for problems in tried for problem in problems)

    async def _tried(self, name: str, parameters: Mapping[str, object]) -> Problems:
        try:
            return await self._equipment.hypervisor(name).verify(parameters)
        except Exception as error:  # noqa: BLE001 - the others must be tried, whatever it is
            if not isinstance(error, GanetiError):
                _log.exception("Hypervisor %s could not be tried", name)
            return (f"hypervisor {name}: {in_words(error)}",)

    async def find_bridges(self, call: verify.FindBridges, report: Report) -> Problems:
        del report
        cards = (
            GuestNic(
                uuid="",
                mac="",
                mode=link.mode,
                link=link.name,
                vlan=_ANY_VLAN if link.vlans else "",
                ip=_ANY if link.mode == "routed" else None,
            )
            for link in call.links
        )
        return tuple(await self._equipment.cards.problems(cards))

    async def reach_peers(self, call: verify.ReachPeers, report: Report) -> tuple[Unreached, ...]:
        del report
        addresses = [(name, address) for name, all_of in call.peers.items() for address in all_of]
        machine, port = self._equipment.machine, self._equipment.port
        answers = await asyncio.gather(*(machine.reaches(address, port) for _, address in addresses))
        return tuple(
            Unreached(name, address, port)
            for (name, address), answered in zip(addresses, answers, strict=True)
            if not answered
        )

    async def look_up_names(self, call: verify.LookUpNames, report: Report) -> Problems:
        del report
        asked = (self._looked_up(name, address) for name, address in call.names.items())
        return tuple(problem for problem in await asyncio.gather(*asked) if problem)

    async def _looked_up(self, name: str, wanted: str) -> str:
        """Why a name does not resolve to an address; empty if it does."""
        try:
            found = await self._equipment.machine.addresses_of(name)
        except ResolverError as error:
            return error.message
        if not found or wanted in found:
            return ""
        return f"the name {name} means {', '.join(found)} there, instead of {wanted}; see to its DNS or /etc/hosts"

    async def find_strays(self, call: verify.FindStrays, report: Report) -> Problems:
        del report
        drivers = [self._equipment.hypervisor(name) for name in call.hypervisors]
        return tuple([text for driver in drivers for text in await asyncio.to_thread(driver.strays)])

    async def digest_facts(self, call: verify.DigestFacts, report: Report) -> str:
        del report
        return facts_digest(self._paths, call.files)

    async def find_programs(self, call: verify.FindPrograms, report: Report) -> Problems:
        del report
        return tuple(text for program in call.programs if (text := _not_a_program(self._paths.under(program), program)))

    async def check_hooks(self, call: verify.CheckHooks, report: Report) -> Problems:
        del call, report
        hooks = self._paths.hooks
        return tuple(_hook_problems(hooks)) if hooks.is_dir() else ()

    async def check_secrets(self, call: verify.CheckSecrets, report: Report) -> Problems:
        del call, report
        return tuple(
            f"{path} can be used by every user (mode {path.stat().st_mode & 0o777:o}); it should have mode 600"
            for path in private_files(self._paths)
            if path.stat().st_mode & _FOR_OTHERS
        )

    async def describe_drbd(self, call: verify.DescribeDrbd, report: Report) -> DrbdFacts:
        del call, report
        return self._equipment.drbd.facts()

    async def tell_candidate_files(self, call: verify.TellCandidateFiles, report: Report) -> tuple[str, ...]:
        del call, report
        return tuple(path.name for path in of_candidates(self._paths))

    async def describe_certificates(self, call: verify.DescribeCertificates, report: Report) -> tuple[Certificate, ...]:
        del call, report
        paths = self._paths
        own = (paths.node_certificate, paths.ca_certificate)
        files = (*own, paths.rapi_certificate, paths.spice_certificate, paths.spice_authority)
        return tuple(_certificate(path) for path in files if path.exists())

    async def count_authorities(self, call: verify.CountAuthorities, report: Report) -> int:
        del call, report
        path = self._paths.ca_certificate
        return len(split(path.read_bytes())) if path.exists() else 0

    async def tell_claim(self, call: verify.TellClaim, report: Report) -> Claim:
        del report
        return Claim(
            master=read_text(self._paths.ssconf("master_node")) or "",
            serves=await asyncio.to_thread(services(self._paths).running, Daemon.MASTER),
            holds=bool(call.address) and self._equipment.address.holds(call.address),
        )


def _not_a_program(path: Path, name: str) -> str:
    """Why a file cannot be executed; empty if it can."""
    if not path.is_file():
        return f"{name} does not exist"
    return "" if os.access(path, os.X_OK) else f"{name} is not executable"


def _hook_problems(hooks: Path) -> Iterator[str]:
    places = sorted(hooks.iterdir())
    for place in places:
        named = _HOOK_DIRECTORY.fullmatch(place.name)
        if named and not place.is_dir():
            yield f"{place} is not a directory"
        elif place.is_dir() and not named:
            yield f"{place} is never used: directories of hooks are named 'OPERATION-pre.d' or 'OPERATION-post.d'"
    scripts = [script for place in places if place.is_dir() for script in sorted(place.iterdir())]
    for path in (hooks, *places, *scripts):
        if path.exists() and path.stat().st_mode & _WRITABLE_BY_OTHERS:
            yield f"{path} can be changed by every user, and what is in it is run as root"


def _certificate(path: Path) -> Certificate:
    try:
        return Certificate(path.name, expires=expires(path.read_bytes()).timestamp())
    except OSError as error:
        return Certificate(path.name, problem=f"cannot be read: {reason(error)}")
    except ValueError:
        return Certificate(path.name, problem="cannot be read: it is not a certificate in PEM")
