# SPDX-License-Identifier: BSD-2-Clause
"""Network cards of instances that are changed."""

import asyncio

import pytest

from ganeti import errors
from ganeti.model.network import Network
from tests.cluster.network.nets import networked

NET2 = Network(uuid="uuid-net2", name="net2", network="10.2.0.0/29", mac_prefix="aa:00:02", serial_no=1)


@pytest.fixture
async def cluster(tmp_path):
    async with networked(tmp_path, NET2) as cluster:
        await cluster.add(
            "web1", nics=[{"network": "net1", "ip": "pool", "name": "front"}, {"link": "br7"}], start=False
        )
        yield cluster


async def change(cluster, *nics, name="web1", **more):
    return dict(await cluster.run("OP_INSTANCE_SET_PARAMS", instance_name=name, nics=list(nics), **more))


def cards(cluster, name="web1"):
    return [(nic.ip, nic.network, nic.nicparams) for nic in cluster.instance(name).nics]


FRONT: tuple[str, str, dict[str, str]] = ("10.1.0.2", "uuid-net1", {})
BACK = (None, None, {"link": "br7"})


async def test_a_card_is_added_as_the_last_one_or_where_it_is_said(cluster):
    told = await change(cluster, ["add", -1, {"network": "net2", "ip": "pool"}], ["add", 0, {"link": "br9"}])
    assert cards(cluster) == [(None, None, {"link": "br9"}), FRONT, BACK, ("10.2.0.1", "uuid-net2", {})]
    assert cluster.instance("web1").nics[3].mac.startswith("aa:00:02")
    assert list(told) == ["nic.0", "nic.3"]
    assert told["nic.3"].startswith("add:mac=aa:00:02")
    assert told["nic.3"].endswith("ip=10.2.0.1,network=net2")


@pytest.mark.parametrize("entry", [["remove", 0, {}], ["remove", "front", {}]])
async def test_a_card_is_removed_by_number_or_name_and_its_address_is_free(cluster, entry):
    assert await change(cluster, entry) == {"nic.0": "remove"}
    assert cards(cluster) == [BACK]
    await cluster.add("web2", nics=[{"network": "net1", "ip": "pool"}], start=False)
    assert cards(cluster, "web2") == [FRONT]


async def test_without_a_number_the_last_one_is_removed(cluster):
    await change(cluster, ["remove", {}])
    assert cards(cluster) == [FRONT]


async def test_of_a_card_that_is_modified_the_rest_stays(cluster):
    before = cluster.instance("web1").nics[0]
    assert await change(cluster, ["modify", before.uuid, {"ip": "10.1.0.5"}]) == {"nic.ip/0": "10.1.0.5"}
    after = cluster.instance("web1").nics[0]
    assert (after.uuid, after.mac, after.name, after.ip) == (before.uuid, before.mac, "front", "10.1.0.5")


async def test_none_takes_away_what_there_is(cluster):
    told = await change(cluster, [0, {"ip": "none", "name": None}], [1, {"link": "none"}])
    assert told == {"nic.ip/0": "None", "nic.name/0": "None", "nic.link/1": "None"}
    assert cards(cluster) == [(None, "uuid-net1", {}), (None, None, {})]


async def test_a_card_changes_its_network(cluster):
    told = await change(cluster, [0, {"network": "net2", "ip": "pool"}], [-1, {"network": "net1", "ip": "pool"}])
    assert told == {
        "nic.ip/0": "10.2.0.1",
        "nic.network/0": "net2",
        "nic.ip/1": "10.1.0.2",
        "nic.network/1": "net1",
        "nic.link/1": "None",
    }
    assert cards(cluster) == [("10.2.0.1", "uuid-net2", {}), ("10.1.0.2", "uuid-net1", {})]


async def test_two_cards_exchange_their_addresses(cluster):
    await change(cluster, [1, {"network": "net1", "ip": "10.1.0.3"}])
    await change(cluster, [0, {"ip": "10.1.0.3"}], [1, {"ip": "10.1.0.2"}])
    assert [ip for ip, _, _ in cards(cluster)] == ["10.1.0.3", "10.1.0.2"]


async def test_of_many_changes_at_once_each_gets_another_address(cluster):
    for number in range(2, 8):
        await cluster.add(f"web{number}", nics=[{}], start=False)
    changes = [change(cluster, [0, {"network": "net1", "ip": "pool"}], name=f"web{n}") for n in range(2, 8)]
    answers = await asyncio.gather(*changes, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, Exception)]
    assert [type(answer) for answer in refused] == [errors.InsufficientResources] * 2
    given = [nic.ip for instance in cluster.state.instances for nic in instance.nics if nic.network]
    assert sorted(given) == [f"10.1.0.{n}" for n in range(2, 7)]


async def test_a_guest_that_runs_keeps_its_cards_until_it_starts_anew(cluster):
    await cluster.run("OP_INSTANCE_STARTUP", instance_name="web1")
    later = {"nics": [[1, {"link": "br8"}]], "hotplug": False}
    number = await cluster.submit("OP_INSTANCE_SET_PARAMS", instance_name="web1", **later)
    assert (await cluster.finished(number)).status == "success"
    assert any("web1 is running, with what it was started with" in line for line in cluster.log(number))
    (described,) = (await cluster.run("OP_INSTANCE_QUERY_DATA", instances=["web1"])).values()
    assert [name for name, _, _ in described["pending"]] == ["nic/1"]


@pytest.mark.parametrize("hotplug", [True, False])
@pytest.mark.parametrize("entry", [["remove", 0, {}], [0, {"ip": "none"}], [0, {"ip": "10.1.0.5"}]])
async def test_an_address_that_a_running_guest_has_is_given_up_by_force_only(cluster, entry, hotplug):
    if hotplug and entry[0] == "remove":
        return  # it is taken from the guest
    await cluster.run("OP_INSTANCE_STARTUP", instance_name="web1")
    with pytest.raises(errors.WrongState, match=r"web1 is running, and has 10.1.0.2 until its next start; stop it"):
        await change(cluster, entry, hotplug=hotplug)
    assert cards(cluster) == [FRONT, BACK]
    await change(cluster, entry, hotplug=hotplug, force=True)
    assert FRONT not in cards(cluster)


@pytest.mark.parametrize(
    ("nics", "told"),
    [
        ([["add", {"ip": "pool"}]], "^NIC 2: an address of a pool needs .*network=NAME,ip=pool"),
        ([["add", {"network": "net1", "link": "br7"}]], "NIC 2: .*link cannot be given with a network"),
        ([[0, {"link": "br7"}]], "^NIC 0: link cannot be given with a network"),
        ([[0, {"ip": "10.1.0.1"}]], "NIC 0: IP address 10.1.0.1 of network net1 is reserved"),
        ([[0, {"ip": "10.2.0.1"}]], "NIC 0: IP address 10.2.0.1 is not in network net1"),
        ([[0, {"network": "none"}]], "NIC 0: IP address 10.1.0.2 belongs to network net1"),
        ([[1, {"network": "net9"}]], "NIC 1: Network 'net9' not known"),
        ([[1, {"ip": "10.1.0.2"}]], "NIC 1: IP address 10.1.0.2 belongs to network net1"),
        ([[1, {"mode": "routed"}]], "NIC 1: .*mode 'routed' needs the address that is routed to it: ip=ADDRESS"),
        ([[1, {"mode": "routed", "link": "communication_rt", "ip": "192.0.2.9"}]], "NIC 1: .*the metadata daemon"),
        (
            [[1, {"mode": "routed", "vlan": ".10"}]],
            "NIC 1: .*vlan '.10' is for mode 'bridged' or 'openvswitch', not for 'routed'",
        ),
        ([[1, {"name": "front"}]], "two NICs would have the name front"),
        ([[9, {"ip": "none"}]], "There is no NIC 9; there are 2"),
        ([["remove", "back", {}]], "There is no NIC back"),
        ([["remove", 0, {"ip": "10.1.0.2"}]], "is to be removed, so it has no ip"),
        ([["add", 5, {}]], "cannot be added as number 5"),
        ([["add", -1, {}]] * 7, "No NIC can be added: an instance has at most 8"),
        ([["swap", 0, {}]], "'swap' is not allowed; choose from add, modify, remove"),
        ([[0, {"speed": "10"}]], "speed"),
        ([[0]], "expected a list of action, which, values"),
        ([], "Nothing to change"),
        ([[0, {"ip": "192.0.2.9"}], [1, {"network": "net9"}]], "NIC 0: .*\nNIC 1: "),
    ],
)
async def test_what_makes_no_sense_is_told_and_changes_nothing(cluster, nics, told):
    before = cluster.state
    with pytest.raises(errors.CheckFailed, match=told):
        await change(cluster, *nics)
    assert cluster.state is before
