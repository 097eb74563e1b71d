# SPDX-License-Identifier: BSD-2-Clause
"""The calls of a node: which handler carries out which call."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from ganeti.node.adoption import Adoption
from ganeti.node.copying import Copying
from ganeti.node.disks import Disks
from ganeti.node.equipment import Equipment
from ganeti.node.exports import Exports
from ganeti.node.guests import Guests
from ganeti.node.hooks import Hooks
from ganeti.node.moving import Moving
from ganeti.node.osinstall.installer import Installer
from ganeti.node.power import Power
from ganeti.node.reports import Reports
from ganeti.node.restricted import RestrictedCommands
from ganeti.node.snapshots import Snapshots
from ganeti.node.verification import Verification
from ganeti.rpc.call import Call
from ganeti.rpc.contract import (
    adoption,
    backup,
    copying,
    hooks,
    instance,
    moving,
    node,
    os,
    power,
    restricted,
    storage,
    verify,
)
from ganeti.rpc.server import Handler


def handlers(equipment: Equipment) -> Mapping[type[Call[Any]], Handler]:
    """The handlers of all calls that its equipment can serve.

    What keeps the cluster's state (``contract/store.py``, ssconf and candidates' files, leaving) is
    added by the node daemon.
    """
    reports = Reports(equipment)
    guests = Guests(equipment)
    disks = Disks(equipment)
    adopting = Adoption(equipment)
    copies = Copying(equipment)
    crossings = Moving(equipment)
    installer = Installer(equipment, guests)
    exports, snapshots = Exports(equipment), Snapshots(equipment)
    verification = Verification(equipment)
    scripts = Hooks(equipment.paths)
    switches = Power(equipment.programs, equipment.reset)
    allowed = RestrictedCommands(equipment.paths)
    return {
        node.Ping: reports.ping,
        node.DescribeNode: reports.describe,
        node.TellCpuModels: reports.cpu_models,
        node.WatchNode: reports.watch,
        node.DelayNode: reports.delay,
        node.SetMasterIp: equipment.address.set,
        node.CheckAddress: reports.check_address,
        node.FindHolder: equipment.address.find_holder,
        node.CheckDevice: equipment.address.check_device,
        node.SetUpSwitch: equipment.switches.set_up,
        instance.StartGuest: guests.start,
        instance.StopGuest: guests.stop,
        instance.RebootGuest: guests.reboot,
        instance.ResizeDisk: guests.resize_disk,
        instance.CheckReplug: guests.check_replug,
        instance.ReplugGuest: guests.replug,
        instance.SetMemory: guests.set_memory,
        instance.TellAddresses: guests.tell_addresses,
        instance.SetClock: guests.set_clock,
        instance.CheckAgent: guests.check_agent,
        instance.RunInGuest: guests.run_in_guest,
        instance.ListGuests: guests.list,
        instance.DescribeGuest: guests.describe,
        instance.RecallGuests: guests.recall,
        instance.AcceptGuest: guests.accept,
        instance.MeasureActivity: guests.measure_activity,
        instance.MigrateGuest: guests.migrate,
        instance.FinishIncoming: guests.finish_incoming,
        instance.FinishOutgoing: guests.finish_outgoing,
        instance.ClearGuest: guests.clear,
        instance.TellKeys: guests.tell_keys,
        instance.TellPrograms: guests.tell_programs,
        instance.CheckRenewal: guests.check_renewal,
        instance.RenewGuest: guests.renew,
        instance.FetchMachineState: guests.fetch_machine_state,
        instance.KeepMachineState: guests.keep_machine_state,
        instance.ForgetMachineState: guests.forget_machine_state,
        instance.CheckStart: guests.check_start,
        instance.OpenConsole: guests.console,
        storage.CreateDisks: disks.create,
        storage.RemoveDisks: disks.remove,
        storage.RenewCopies: disks.renew,
        storage.HoldDisks: disks.hold,
        storage.ReleaseDisks: disks.release,
        storage.LinkDisks: disks.link,
        storage.LabelDisks: disks.label,
        storage.GrowDisk: disks.grow,
        storage.ExamineDisks: disks.examine,
        storage.CheckStorage: disks.check,
        storage.ListVolumes: disks.volumes,
        storage.ListDiskFiles: disks.files,
        storage.DiagnoseStorage: disks.diagnose,
        storage.MeasureLvm: disks.measure,
        storage.SetAllocatable: disks.set_allocatable,
        storage.ForgetMissing: disks.forget_missing,
        adoption.ExamineOffers: adopting.examine,
        adoption.AdoptDisks: adopting.adopt,
        adoption.ReturnDisks: adopting.give_back,
        copying.AwaitCopy: copies.wait,
        copying.SendCopy: copies.send,
        moving.MakeMoveKey: crossings.make_key,
        moving.EndMove: crossings.end,
        moving.AwaitArrival: crossings.arrival,
        moving.ConfirmArrival: crossings.confirm,
        backup.CheckSnapshots: snapshots.check,
        backup.MakeSnapshots: snapshots.make,
        backup.MeasureExports: exports.measure,
        backup.BeginExport: exports.begin,
        backup.TakeDump: exports.take,
        backup.FinishExport: exports.finish,
        backup.DiscardExport: exports.discard,
        backup.ListExports: exports.list,
        backup.ReadExport: exports.read,
        backup.OfferDump: exports.offer,
        backup.RemoveExport: exports.remove,
        os.DiagnoseProviders: installer.diagnose,
        os.ValidateOs: installer.validate,
        os.InstallOs: installer.install,
        os.RenameInOs: installer.rename,
        os.ExportDisk: installer.export,
        os.ImportDisk: installer.import_,
        hooks.RunHooks: scripts.run,
        hooks.RunWatcherScripts: scripts.run_watcher,
        power.RunOob: switches.run_oob,
        power.ResetMachine: switches.reset,
        restricted.RunRestricted: allowed.run,
        verify.TryHypervisors: verification.try_hypervisors,
        verify.FindBridges: verification.find_bridges,
        verify.ReachPeers: verification.reach_peers,
        verify.LookUpNames: verification.look_up_names,
        verify.FindStrays: verification.find_strays,
        verify.DigestFacts: verification.digest_facts,
        verify.FindPrograms: verification.find_programs,
        verify.CheckHooks: verification.check_hooks,
        verify.CheckSecrets: verification.check_secrets,
        verify.DescribeDrbd: verification.describe_drbd,
        verify.TellCandidateFiles: verification.tell_candidate_files,
        verify.DescribeCertificates: verification.describe_certificates,
        verify.CountAuthorities: verification.count_authorities,
        verify.TellClaim: verification.tell_claim,
    }


async def recover(equipment: Equipment) -> None:
    """Recover the guests that an earlier node daemon has left running; before the first call is answered."""
    await asyncio.gather(*(driver.recover() for driver in equipment.hypervisors.values()))
    await equipment.metadata.take_up()


async def close(equipment: Equipment) -> None:
    """Detach from the guests; they keep running."""
    await asyncio.gather(*(driver.close() for driver in equipment.hypervisors.values()))
