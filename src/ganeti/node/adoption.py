# SPDX-License-Identifier: BSD-2-Clause
"""The master's calls about volumes that become disks unchanged."""

from __future__ import annotations

from ganeti.errors import WrongInput
from ganeti.model.disk import DiskTemplate
from ganeti.node.equipment import Equipment
from ganeti.node.storage.driver import Adopting
from ganeti.rpc.contract import adoption
from ganeti.rpc.contract.adoption import Offer
from ganeti.rpc.server import Report


class Adoption:
    """The handlers of ``rpc/contract/adoption.py``."""

    def __init__(self, equipment: Equipment) -> None:
        self._adopting = equipment.adopting

    async def examine(self, call: adoption.ExamineOffers, report: Report) -> tuple[Offer, ...]:
        del report
        return await self._storage(call.template).offers(call.sources, exclusive=call.exclusive)

    async def adopt(self, call: adoption.AdoptDisks, report: Report) -> None:
        del report
        for disk, source in zip(call.disks, call.sources, strict=True):
            await self._storage(disk.template).adopt(disk, source, call.peers)

    async def give_back(self, call: adoption.ReturnDisks, report: Report) -> None:
        del report
        for disk, source in zip(call.disks, call.sources, strict=True):
            await self._storage(disk.template).give_back(disk, source, call.peers)

    def _storage(self, template: DiskTemplate) -> Adopting:
        if template not in self._adopting:
            raise WrongInput(f"Parameter 'adopt': disks of template '{template}' are always created, not adopted")
        return self._adopting[template]
