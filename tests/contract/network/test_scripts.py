# SPDX-License-Identifier: BSD-2-Clause
"""A node's own scripts for taps: what they are told, when they are run, and what becomes of those that go wrong."""

import shlex

import pytest

from ganeti.errors import EnvironmentUnfit, ExecutionFailed
from ganeti.host.paths import Paths
from ganeti.model.disk import DiskTemplate
from ganeti.model.guest import Guest, GuestNic
from ganeti.model.network import NetworkFacts
from ganeti.model.parameters.backend import BackendParameters
from ganeti.node.network import scripts
from ganeti.node.network.cards import Cards
from ganeti.node.network.driver import TapOptions
from ganeti.node.network.fake import FakeNetwork
from ganeti.node.network.scripts import TapScripts

NETWORK = NetworkFacts(uuid="net-1", name="customers", subnet="192.0.2.0/24", gateway="192.0.2.1", tags=("dmz", "own"))
CARD = GuestNic(
    uuid="nic-0",
    mac="aa:00:00:12:34:56",
    mode="bridged",
    link="br0",
    ip="192.0.2.20",
    name="outside",
    network=NETWORK,
)
PLAIN = GuestNic(uuid="nic-1", mac="aa:00:00:12:34:57", mode="openvswitch", link="ovs1", vlan=".7")
GUEST = Guest(
    uuid="guest",
    name="web1",
    hypervisor="kvm",
    disk_template=DiskTemplate.DISKLESS,
    hvparams={},
    beparams=BackendParameters(),
    nics=(CARD, PLAIN),
    tags=("blue", "owner:anna"),
)


class Bench:
    """A node without bridges or switches: only a script connects a card."""

    def __init__(self, root):
        self.told = root / "told"
        self._paths = Paths(root)
        self._paths.etc.mkdir(parents=True)
        self.driver = FakeNetwork(())
        self.cards = Cards(
            dict.fromkeys(("bridged", "openvswitch"), self.driver),
            self.driver,
            TapScripts(self._paths),
            self.driver.make,
        )

    def script(self, name, body="", *, mode=0o755):
        path = self._paths.etc / name
        path.write_text(f"#!/bin/sh\necho {name} $# $1 $2 >>{self.told}; env >>{self.told}\n{body}\n")
        path.chmod(mode)

    async def connected(self, index=0):
        return await self.cards.connect(GUEST, index, TapOptions())

    def lines(self):
        return self.told.read_text().splitlines() if self.told.exists() else []

    def variables(self):
        ours = ("INSTANCE", "TAGS", "INTERFACE", "MAC", "MODE", "LINK", "IP", "VLAN", "BRIDGE", "NETWORK")
        return dict(line.split("=", 1) for line in self.lines() if line.startswith(ours))


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


async def test_a_script_is_told_all_of_a_card_and_connects_it_instead(bench):
    with pytest.raises(EnvironmentUnfit, match="bridge"):
        await bench.cards.check(CARD)
    bench.script("kvm-vif-bridge")
    await bench.cards.check(CARD)
    made = await bench.connected()
    assert bench.lines()[0] == "kvm-vif-bridge 1 gnt-nic0"
    assert bench.variables() == {
        "INSTANCE": "web1",
        "TAGS": "blue owner:anna",
        "INTERFACE": "gnt-nic0",
        "INTERFACE_INDEX": "0",
        "INTERFACE_NAME": "outside",
        "INTERFACE_UUID": "nic-0",
        "MAC": "aa:00:00:12:34:56",
        "MODE": "bridged",
        "LINK": "br0",
        "BRIDGE": "br0",
        "IP": "192.0.2.20",
        "NETWORK_NAME": "customers",
        "NETWORK_UUID": "net-1",
        "NETWORK_SUBNET": "192.0.2.0/24",
        "NETWORK_GATEWAY": "192.0.2.1",
        "NETWORK_SUBNET6": "",
        "NETWORK_GATEWAY6": "",
        "NETWORK_MAC_PREFIX": "",
        "NETWORK_TAGS": "dmz own",
    }
    assert bench.driver.taps() == {"gnt-nic0"}
    made.close()


async def test_what_a_card_has_not_is_not_told(bench):
    bench.script("kvm-ifup-custom")
    (await bench.connected(1)).close()
    told = bench.variables()
    assert (told["VLAN"], told["INTERFACE_INDEX"]) == (".7", "1")
    assert told.keys().isdisjoint({"IP", "BRIDGE", "INTERFACE_NAME", "NETWORK_NAME"})


async def test_of_two_scripts_the_one_with_the_newer_name_counts(bench):
    for name in ("kvm-vif-bridge", "kvm-ifup-custom"):
        bench.script(name)
    (await bench.connected()).close()
    assert [line for line in bench.lines() if line.startswith("kvm-")] == ["kvm-ifup-custom 1 gnt-nic0"]


async def test_a_card_that_is_connected_elsewhere_is_set_up_by_the_script_again(bench):
    bench.script("kvm-ifup-custom")
    made = await bench.connected()
    bench.told.unlink()
    await bench.cards.reconnect(GUEST, 0)
    assert bench.lines()[0] == "kvm-ifup-custom 1 gnt-nic0"
    made.close()


@pytest.mark.parametrize("moved", [False, True])
async def test_a_script_clears_away_and_is_told_whether_its_guest_has_moved(bench, moved):
    bench.script("kvm-ifdown-custom")
    await bench.cards.disconnect(GUEST, 0, moved=moved)
    assert bench.lines()[0] == f"kvm-ifdown-custom 2 gnt-nic0 {moved}"
    assert bench.variables()["INTERFACE_UUID"] == "nic-0"


async def test_a_script_that_fails_leaves_no_tap_and_is_told_with_its_last_words(bench):
    bench.script("kvm-ifup-custom", "echo no such zone >&2; exit 3")
    bench.script("kvm-ifdown-custom")
    told = r"The 'kvm-ifup-custom' script of this node for network card 0 of web1 failed with status 3; .*no such zone"
    with pytest.raises(ExecutionFailed, match=told):
        await bench.connected()
    assert bench.driver.taps() == set()
    assert "kvm-ifdown-custom 2 gnt-nic0 False" in bench.lines()


async def test_a_script_that_hangs_is_ended(bench, monkeypatch):
    for name in ("_UP_TIME", "_DOWN_TIME"):
        monkeypatch.setattr(scripts, name, 0.5)
    bench.script("kvm-ifup-custom", "echo waiting; exec sleep 1000")
    bench.script("kvm-ifdown-custom", "exec sleep 1000")
    with pytest.raises(ExecutionFailed, match=r"'kvm-ifup-custom' script .* did not finish .*waiting"):
        await bench.connected()
    assert bench.driver.taps() == set()
    told = await bench.cards.disconnect(GUEST, 0)
    assert told.startswith("network card 0 is not cleared away: The 'kvm-ifdown-custom' script of this node")
    assert "did not finish" in told


async def test_a_script_that_prints_megabytes_is_told_in_a_line(bench):
    bench.script("kvm-ifup-custom", "yes all of it is well | head -c 40000000; exit 1")
    with pytest.raises(ExecutionFailed) as failed:
        await bench.connected()
    assert len(failed.value.message) < 8192
    assert "\n" not in failed.value.message


@pytest.mark.parametrize("name", ["kvm-ifup-custom", "kvm-vif-bridge"])
async def test_a_file_that_cannot_be_run_is_refused_by_its_name(bench, name, tmp_path):
    bench.script(name, mode=0o644)
    with pytest.raises(EnvironmentUnfit, match=f"{name} connects network cards .* is no executable file"):
        await bench.connected()
    path = tmp_path / "etc/ganeti" / name
    path.unlink()
    path.symlink_to("/nonexistent")
    (problem,) = await bench.cards.problems((CARD, PLAIN))
    assert f"chmod 755 {path}" in problem
    path.unlink()
    path.write_text("#!/nonexistent/interpreter\n")
    path.chmod(0o755)
    with pytest.raises(EnvironmentUnfit, match="cannot be run"):
        await bench.connected()
    assert bench.driver.taps() == set()


async def test_values_reach_a_script_as_they_are(bench):
    strange = "a b;$(touch x)`"
    bench.script("kvm-ifup-custom", f'test "$LINK" = {shlex.quote(strange)}')
    machine = Guest(
        uuid="guest",
        name="web1",
        hypervisor="kvm",
        disk_template=DiskTemplate.DISKLESS,
        hvparams={},
        beparams=BackendParameters(),
        nics=(GuestNic(uuid="nic-0", mac=CARD.mac, mode="bridged", link=strange),),
    )
    (await bench.cards.connect(machine, 0, TapOptions())).close()


async def test_the_log_of_scripts_is_for_root_alone(bench, tmp_path):
    bench.script("kvm-ifup-custom", "echo hello")
    (await bench.connected()).close()
    log = tmp_path / "var/log/ganeti/network-scripts/web1.log"
    assert (log.read_text(), log.stat().st_mode & 0o777) == ("hello\n", 0o600)
