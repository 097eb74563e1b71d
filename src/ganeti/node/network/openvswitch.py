# SPDX-License-Identifier: BSD-2-Clause
"""Network cards on an Open vSwitch of the node, with their VLANs (ovs-vsctl(8), ovs-vswitchd.conf.db(5))."""

from __future__ import annotations

from functools import partial

from pyroute2 import AsyncIPRoute

from ganeti.errors import EnvironmentUnfit, ExecutionFailed
from ganeti.host.process import run
from ganeti.model.guest import GuestNic
from ganeti.model.parameters.network import vlans_of
from ganeti.node.network import tap
from ganeti.node.network.driver import ensure_linked
from ganeti.node.network.netlink import with_netlink
from ganeti.rpc.contract.node import SetUpSwitch
from ganeti.rpc.server import Report

# Seconds until ovs-vsctl gives up: the switch may not run.
_TIME = 15
_IN_FORCE = 10  # seconds, of these, until a change is in force


class OpenVSwitch:
    """``database``: where its configuration is, if not where ovs-vsctl looks."""

    exclusive = False

    def __init__(self, database: str = "") -> None:
        self._options = [f"--db={database}"] if database else []

    async def check(self, nic: GuestNic) -> None:
        ensure_linked(nic)
        await self._ensure_there(nic.link)

    async def attach(self, nic: GuestNic) -> None:
        """All at once: it is a port of this switch with these VLANs, and of no other, or is what it was before."""
        name = tap.name_of(nic)
        await with_netlink(partial(_bring_up, nic=nic))
        await self._tell(
            *("--if-exists", "del-port", name),
            *("--", "add-port", nic.link, name, *_settings(nic.vlan)),
            # It does not outlive a reboot, which the tap does not either.
            *("--", "set", "Port", name, "other_config:transient=true"),
        )

    async def detach(self, nic: GuestNic) -> None:
        await self._tell("--if-exists", "del-port", tap.name_of(nic), wait=False)

    async def set_up(self, call: SetUpSwitch, report: Report) -> None:
        del report
        if call.link:
            await with_netlink(partial(_ensure_free, name=call.link))
        uplink = ["--", "--may-exist", "add-port", call.name, call.link] if call.link else []
        await self._tell("--may-exist", "add-br", call.name, *uplink)

    async def _ensure_there(self, name: str) -> None:
        """So that it is a name, whatever else it might mean to ovs-vsctl."""
        if name not in (await self._tell("list-br")).splitlines():
            raise EnvironmentUnfit(
                f"There is no Open vSwitch bridge '{name}' on this node; make it, or choose another with 'link'"
            )

    async def _tell(self, *words: str, wait: bool = True) -> str:
        """``wait``: until it is in force. Raises EnvironmentUnfit, or ExecutionFailed."""
        options = [f"--timeout={_IN_FORCE}", *self._options, *([] if wait else ["--no-wait"])]
        done = await run("ovs-vsctl", *options, "--", *words, timeout=_TIME)
        # What cannot be put in force is said with success.
        if done.failed or "Error detected" in done.errors:
            raise ExecutionFailed(f"Open vSwitch: {done.why()}")
        return done.output


def _settings(vlan: str) -> list[str]:
    """Of a port; one without VLANs gets frames of all, with their tags."""
    own, others = vlans_of(vlan)
    if own is None and not others:
        return []
    mode = "access" if not others else "trunk" if own is None else "native-untagged"
    tag = [] if own is None else [f"tag={own}"]
    trunks = [f"trunks={','.join(map(str, others))}"] if others else []
    return [*tag, *trunks, f"vlan_mode={mode}"]


async def _bring_up(netlink: AsyncIPRoute, nic: GuestNic) -> None:
    await tap.bring_up(netlink, nic, **await _mtu(netlink, nic.link))


async def _mtu(netlink: AsyncIPRoute, name: str) -> dict[str, int]:
    """Of the switch's own device, if it has one."""
    for index in await netlink.link_lookup(ifname=name):
        async for link in await netlink.get_links(index):
            return {"mtu": link.get("mtu")}
    return {}


async def _ensure_free(netlink: AsyncIPRoute, name: str) -> None:
    found = await netlink.link_lookup(ifname=name)
    if not found:
        raise EnvironmentUnfit(f"Parameter 'ovs_link': there is no network device '{name}' on this node")
    async for address in await netlink.get_addr(index=found[0]):
        if address.get("scope") == 0:  # seen from elsewhere
            raise EnvironmentUnfit(
                f"Parameter 'ovs_link': '{name}' has the address {address.get('address')}, which would be cut off in "
                "a switch; take another device, or connect it by hand"
            )
