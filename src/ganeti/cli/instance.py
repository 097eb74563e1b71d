# SPDX-License-Identifier: BSD-2-Clause
"""``gnt-instance`` beyond single operations."""

from __future__ import annotations

import os
import shlex
import time
from typing import Any

from ganeti.cli import follow, tree
from ganeti.cli.json_file import read_objects
from ganeti.cli.listing import field_lister, lister
from ganeti.cli.moves import followed
from ganeti.cli.options import PREVIEW
from ganeti.cli.runnable import Local
from ganeti.cli.session import Session
from ganeti.cli.tree import Pairs, with_defaults
from ganeti.declare.command import NO_JOB, Argument, Command, Option
from ganeti.declare.text import format_size
from ganeti.errors import ExecutionFailed, WrongInput
from ganeti.host.ssh import known_hosts_files
from ganeti.model.parameters.hypervisor import FIRST_VNC_PORT
from ganeti.operations.instance.subject import INSTANCE_ARGUMENT
from ganeti.query.instance import DEFAULT

# As Ganeti prints them, for scripts that read them as Python literals: names may be missing, and may have commas.
_WORDINGS = {"disk.names": str, "nic.names": str}
LIST = lister("gnt-instance", "instance", DEFAULT, _WORDINGS)
LIST_FIELDS = field_lister("gnt-instance", "instance")


def _info(session: Session, values: dict[str, Any]) -> int:
    names = values.get("names") or []
    if not names and not values.get("all"):
        raise WrongInput("No instance selected; give names, or --all for all instances")
    found = session.read("OP_INSTANCE_QUERY_DATA", instances=names, static=bool(values.get("static")))
    descriptions = [_description(data) for data in sorted(found.values(), key=lambda data: data["name"])]
    session.say("\n".join(tree.render(descriptions)))
    return 0


INFO = Local(
    Command(
        "gnt-instance",
        "info",
        (Argument("names", "Names of the instances", "*", completes="instance"),),
        (
            Option(("-s", "--static"), "Show only the configuration, without querying nodes", kind="flag"),
            Option(("--all",), "Show all instances", kind="flag"),
            NO_JOB,
        ),
        usage="[-s] {--all | <instance-name>...}",
    ),
    "Show detailed information about instances.",
    _info,
)


def _description(data: dict[str, Any]) -> Pairs:
    state = f"configured to be {data['config_state']}"
    if data["forthcoming"]:
        state = "forthcoming, so only reserved"
    elif data["run_state"] is not None:
        state += f", actual state is {data['run_state']}"
    return Pairs(
        ("Instance name", data["name"]),
        ("UUID", data["uuid"]),
        ("Serial number", data["serial_no"]),
        ("Creation time", _moment(data["ctime"])),
        ("Modification time", _moment(data["mtime"])),
        ("State", state),
        ("Nodes", _nodes(data)),
        ("Operating system", data["os"]),
        ("Operating system parameters", with_defaults(data["os_instance"], data["os_actual"])),
        ("Allocated network port", data["network_port"]),
        ("Hypervisor", data["hypervisor"]),
        *([("Hypervisor program", data["program"]["told"])] if data["program"] else []),
        *([("console connection", screen)] if (screen := _screen(data)) else []),
        ("Hypervisor parameters", _hypervisor_parameters(data)),
        *([("Keys of Secure Boot", _keys(data["secure_boot"]))] if data["secure_boot"] else []),
        ("Back-end parameters", with_defaults(data["be_instance"], data["be_actual"])),
        *([("Changes at the next start", _pending(data["pending"]))] if data["pending"] else []),
        ("NICs", [_nic(nic, index) for index, nic in enumerate(data["nics"])]),
        *([("Addresses, by the guest's agent", _addresses(data["agent"]))] if data["agent"] else []),
        ("Disk template", data["disk_template"]),
        ("Disks", [_disk(disk) for disk in data["disks"]]),
        ("Tags", data["tags"]),
    )


def _hypervisor_parameters(data: dict[str, Any]) -> Any:
    """A CPU type of its own that is the node group's is shown with the model that it means now."""
    own, actual = data["hv_instance"], data["hv_actual"]
    if (cpu_type := own.get("cpu_type")) and cpu_type != actual["cpu_type"]:
        actual = {**actual, "cpu_type": f"{cpu_type} ({actual['cpu_type']})"}
    return with_defaults(own, actual)


def _addresses(agent: dict[str, Any]) -> Any:
    if agent["problem"]:
        return f"unknown: {agent['problem']}"
    return Pairs(*((one["name"], ", ".join(one["addresses"])) for one in agent["interfaces"]))


def _keys(found: dict[str, Any]) -> Any:
    if found["problem"]:
        return f"unknown: {found['problem']}"
    now = time.time()
    return [
        f"{kind}: {name}, {'expired' if end < now else 'expires'} {time.strftime('%Y-%m-%d', time.gmtime(end))}"
        for kind, name, end in found["keys"]
    ] or "none before its first start"


def _screen(data: dict[str, Any]) -> str:
    """Where its screen is to be seen, by what it runs with; scripts cut the line up. Nothing if it has no VNC."""
    running = {name: value for name, value, _ in data["pending"]}
    bound = {**data["hv_actual"], **running}.get("vnc_bind_address")
    if not bound:
        return ""
    node, port = data["pnode"], data["network_port"]
    if bound.startswith("/"):
        return f"vnc to {bound}/{data['name']}.vnc (node {node})"
    display = f"(display {port - FIRST_VNC_PORT})"
    if bound in ("0.0.0.0", "::"):  # noqa: S104 - nothing is bound here
        return f"vnc to {node}:{port} {display}"
    return f"vnc to {bound}:{port} (node {node}) {display}"


def _pending(differences: list[list[str]]) -> list[str]:
    lines = [(name, configured or "none", running or "none") for name, running, configured in differences]
    return [f"{name}: {configured} (runs with {running})" for name, configured, running in lines]


def _nodes(data: dict[str, Any]) -> list[Pairs]:
    group = f"{data['pnode_group_name']} (UUID {data['pnode_group_uuid']})"
    secondaries = [
        f"{node} (group {name}, group UUID {uuid})"
        for node, name, uuid in zip(data["snodes"], data["snodes_group_names"], data["snodes_group_uuids"], strict=True)
    ]
    return [Pairs(("primary", data["pnode"]), ("group", group)), Pairs(("secondaries", ", ".join(secondaries)))]


def _nic(nic: list[Any], index: int) -> Pairs:
    name, uuid, mac, ip, mode, link, vlan, network = nic
    fields = (
        ("MAC", mac),
        ("IP", ip),
        ("mode", mode),
        ("link", link),
        ("vlan", vlan),
        ("network", network),
        ("UUID", uuid),
        ("name", name),
    )
    return Pairs((f"nic/{index}", ""), *fields)


def _logical_id(disk: dict[str, Any]) -> str:
    """In one line that scripts parse: VG/LV, or all parts, strings in quotes."""
    parts = disk["logical_id"]
    return "/".join(parts) if disk["dev_type"] == "plain" else str(tuple(parts))


def _disk(disk: dict[str, Any]) -> Pairs:
    fields = [("access mode", disk["mode"]), ("format", disk["format"])]
    if disk["allocated"] is not None:
        fields.append(("allocated", format_size(disk["allocated"])))
    fields.append(("logical_id", _logical_id(disk)))
    for title, status in (("on primary", disk["pstatus"]), ("on secondary", disk.get("sstatus"))):
        if status:
            path, problem = status
            fields.append((title, f"{path} ({problem})" if problem else path))
    fields += [
        (title, disk[key])
        for title, key in (("thin pool", "thinpool"), ("spindles", "spindles"), ("limits", "limits"))
        if disk.get(key)
    ]
    fields += [("name", disk["name"]), ("UUID", disk["uuid"])]
    return Pairs((disk["iv_name"], f"{disk['dev_type']}, size {format_size(disk['size'])}"), *fields)


def _console(session: Session, values: dict[str, Any]) -> int:
    access = session.read("OP_INSTANCE_CONSOLE", instance_name=values["instance_name"])
    if access["kind"] == "msg":
        session.say(access["message"])
        return 0
    if access["kind"] != "ssh":
        session.say(f"{access['kind']} console at {access['host']} port {access['port']}")
        return 0
    # A remote shell splits it again.
    there = shlex.join(access["command"])
    known = f"GlobalKnownHostsFile={known_hosts_files(session.paths.known_hosts)}"
    command = ["ssh", "-t", "-o", known, "-p", str(access["port"]), f"{access['user']}@{access['host']}", there]
    if values.get("show_cmd"):
        session.say(shlex.join(command))
        return 0
    try:
        os.execvp(command[0], command)  # noqa: S606 - the terminal is ssh's from here on
    except OSError as error:
        raise ExecutionFailed(f"ssh could not be started: {error.strerror}") from None


CONSOLE = Local(
    Command(
        "gnt-instance",
        "console",
        (INSTANCE_ARGUMENT,),
        (
            Option(("--show-cmd",), "Print the command that opens the console instead of running it", kind="flag"),
            NO_JOB,
        ),
        usage="[--show-cmd] <instance-name>",
    ),
    "Connect to the console of an instance.",
    _console,
)


def _batch_create(session: Session, values: dict[str, Any]) -> int:
    specifications = read_objects(values["instances_file"], "instance")
    parameters: dict[str, Any] = {"instances": specifications}
    if values.get("iallocator"):
        parameters["iallocator"] = values["iallocator"]
    if values.get("dry_run"):
        parameters["dry_run"] = True
    results = follow.run(session, "OP_INSTANCE_MULTI_ALLOC", parameters)
    if results is None or results[0] is None:
        return 0
    jobs = [
        (number, specification.get("instance_name", ""))
        for (_, number), specification in zip(results[0]["jobs"], specifications, strict=True)
    ]
    return followed(
        session,
        jobs,
        "No instances to create, exiting.",
        "All instances created successfully.",
        "Some instances could not be created, see above",
    )


BATCH_CREATE = Local(
    Command(
        "gnt-instance",
        "batch-create",
        (Argument("instances_file", "JSON file with a list of the instances' parameters", completes="file"),),
        (
            Option(("-I", "--iallocator"), "Instance allocator that chooses the nodes", metavar="NAME"),
            PREVIEW,
        ),
        usage="<instances.json>",
    ),
    "Create several instances from a JSON file.",
    _batch_create,
    job=True,
)


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
