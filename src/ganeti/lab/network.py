# SPDX-License-Identifier: BSD-2-Clause
"""The lab's network: a bridge in a namespace of its own, and a cable to every node and to the machine.

The lab's first process keeps the namespace; when it ends, everything in here is gone.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from ipaddress import IPv4Network

from ganeti.errors import EnvironmentUnfit, ExecutionFailed
from ganeti.lab.plan import MACHINE, LabPlan

SWITCH = "switch"
_SWITCH_MAC = "02:00:00:00:00:fe"


def batch(commands: str, *, inside: Sequence[str] = (), keep: Sequence[int] = (), tolerant: bool = False) -> None:
    """Run lines of ip(8): until one fails, or with ``tolerant`` all that succeed.

    ``inside``: nsenter(1) and its options, which may name the open files ``keep``. Raises ExecutionFailed.
    """
    try:
        done = subprocess.run(
            [*inside, "ip", *(["-force"] if tolerant else []), "-batch", "-"],
            input=commands,
            capture_output=True,
            text=True,
            check=False,
            pass_fds=keep,
        )
    except FileNotFoundError as error:
        raise EnvironmentUnfit(f"The program '{error.filename}' is not installed on this machine") from None
    if done.returncode and not tolerant:
        raise ExecutionFailed(f"The lab's network cannot be set up: {' '.join(done.stderr.split())}")


def build_switch() -> None:
    """Run in the lab's own namespace."""
    batch(f"link set lo up\nlink add {SWITCH} address {_SWITCH_MAC} type bridge\nlink set {SWITCH} up\n")


def plug_machine(plan: LabPlan, fabric: int) -> None:
    """A cable from the machine to the switch; ``fabric`` is the lab's first process."""
    inside = ("nsenter", "--target", str(fabric), "--net")
    address = plan.with_prefix(plan.host(MACHINE))
    batch(
        f"link add {plan.cable} type veth peer name machine netns {fabric}\n"
        f"address add {address} dev {plan.cable}\n"
        f"link set {plan.cable} up\n"
    )
    batch(f"link set machine master {SWITCH} up\n", inside=inside)


def unplug_machine(plan: LabPlan) -> None:
    batch(f"link delete {plan.cable}\n", tolerant=True)


def plug_node(plan: LabPlan, node: str, fabric: int) -> None:
    """Run by a node's first process. ``fabric``: an open file that is the lab's network namespace.

    The node's own address is on a bridge that its guests join.
    """
    # "netns 1" is the namespace of process 1 as ip(8) sees it: the node's own.
    batch(
        f"link add {node} type veth peer name eth0 netns 1\nlink set {node} master {SWITCH} up\n",
        inside=("nsenter", f"--net=/proc/self/fd/{fabric}"),
        keep=(fabric,),
    )
    batch(
        "link set lo up\n"
        f"link add br0 address {plan.mac(node)} type bridge\n"
        "link set eth0 master br0 up\n"
        f"address add {plan.with_prefix(plan.address(node))} dev br0\n"
        "link set br0 up\n"
    )


def unplug_node(node: str, fabric: int) -> None:
    """Immediately; the kernel alone would remove a cable some time after its node."""
    batch(f"link delete {node}\n", inside=("nsenter", "--target", str(fabric), "--net"), tolerant=True)


def networks_in_use() -> list[IPv4Network]:
    """The networks in this machine's routing tables."""
    told = subprocess.run(
        ["ip", "-json", "-4", "route", "show", "table", "all"], capture_output=True, text=True, check=True
    )
    destinations = [route["dst"] for route in json.loads(told.stdout or "[]")]
    return [IPv4Network(words, strict=False) for words in destinations if words[0].isdigit()]
