# SPDX-License-Identifier: BSD-2-Clause
"""A node's answers to its master: which call is carried out by what."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from ganeti.node.disks import Disks
from ganeti.node.equipment import Equipment
from ganeti.node.guests import Guests
from ganeti.node.hooks import Hooks
from ganeti.node.master_ip import MasterIp
from ganeti.node.osinstall.installer import Installer
from ganeti.node.reports import Reports
from ganeti.rpc.call import Call
from ganeti.rpc.contract import hooks, instance, node, os, storage
from ganeti.rpc.server import Handler


def handlers(equipment: Equipment) -> Mapping[type[Call[Any]], Handler]:
    """All that a node can do with its equipment.

    What keeps the cluster's state (``contract/store.py``, ssconf and candidates' files, leaving) is
    added by the node daemon.
    """
    reports = Reports(equipment)
    guests = Guests(equipment)
    disks = Disks(equipment)
    installer = Installer(equipment, guests)
    return {
        node.Ping: reports.ping,
        node.Describe: reports.describe,
        node.Verify: reports.verify,
        node.Watch: reports.watch,
        node.Delay: reports.delay,
        node.SetMasterIp: MasterIp().set,
        instance.Start: guests.start,
        instance.Stop: guests.stop,
        instance.Reboot: guests.reboot,
        instance.ListGuests: guests.list,
        instance.Describe: guests.describe,
        instance.Accept: guests.accept,
        instance.Migrate: guests.migrate,
        instance.FinishIncoming: guests.finish_incoming,
        instance.FinishOutgoing: guests.finish_outgoing,
        instance.Clear: guests.clear,
        instance.CheckStart: guests.check_start,
        instance.Console: guests.console,
        storage.Create: disks.create,
        storage.Remove: disks.remove,
        storage.Examine: disks.examine,
        storage.CheckDirectory: disks.check_directory,
        os.Diagnose: installer.diagnose,
        os.Validate: installer.validate,
        os.Install: installer.install,
        os.RunRename: installer.rename,
        os.Export: installer.export,
        os.Import: installer.import_,
        hooks.RunHooks: Hooks(equipment.paths).run,
    }


async def recover(equipment: Equipment) -> None:
    """Take up the guests that an earlier node daemon has left; before the first call is answered."""
    await asyncio.gather(*(driver.recover() for driver in equipment.hypervisors.values()))


async def close(equipment: Equipment) -> None:
    """Let go of the guests; they run on."""
    await asyncio.gather(*(driver.close() for driver in equipment.hypervisors.values()))
