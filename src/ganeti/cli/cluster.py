# SPDX-License-Identifier: BSD-2-Clause
"""``gnt-cluster`` beyond single operations."""

from __future__ import annotations

import time
from typing import Any

from ganeti.cli import follow, tree
from ganeti.cli.options import PREVIEW
from ganeti.cli.policy import plain, policy, specs_options
from ganeti.cli.runnable import Local, presented
from ganeti.cli.session import Session
from ganeti.cli.tree import Pairs
from ganeti.declare.command import Argument, Command, Option
from ganeti.declare.setting import settings_of
from ganeti.errors import EXIT_FAILURE, EXIT_NOT_CLUSTER
from ganeti.host.files import read_text
from ganeti.luxi.protocol import Method
from ganeti.model.cluster import Cluster
from ganeti.model.user_ids import spelled
from ganeti.operations.cluster.destroy import ClusterDestroy
from ganeti.operations.cluster.verify.cluster import ClusterVerify


def _info(session: Session, values: dict[str, Any]) -> int:
    del values
    data = session.client.call(Method.QUERY_CLUSTER_INFO)
    session.say("\n".join(tree.render(described(data))))
    return 0


def described(data: dict[str, Any]) -> Pairs:
    bits, machine = data["architecture"]
    enabled = data["enabled_hypervisors"]
    return Pairs(
        ("Cluster name", data["name"]),
        ("Cluster UUID", data["uuid"]),
        ("Creation time", _moment(data["ctime"])),
        ("Modification time", _moment(data["mtime"])),
        ("Master node", data["master"]),
        ("Architecture (this node)", f"{bits} ({machine})"),
        ("Tags", ", ".join(data["tags"]) or "(none)"),
        ("Default hypervisor", data["default_hypervisor"]),
        ("Enabled hypervisors", ", ".join(enabled)),
        ("Hypervisor parameters", {name: plain(data["hvparams"][name]) for name in enabled}),
        ("OS-specific hypervisor parameters", data["os_hvp"]),
        ("OS parameters", data["osparams"]),
        ("Hidden OSes", ", ".join(data["hidden_os"])),
        ("Blacklisted OSes", ", ".join(data["blacklisted_os"])),
        ("Cluster parameters", _settings(data)),
        ("Default node parameters", plain(data["ndparams"])),
        ("Default instance parameters", {"default": plain(data["beparams"]["default"])}),
        ("Default nic parameters", {"default": plain(data["nicparams"]["default"])}),
        ("Default disk parameters", {name: plain(values) for name, values in sorted(data["diskparams"].items())}),
        ("Instance policy - limits for instances", policy(data["ipolicy"])),
        ("Data collectors", {name: _collector(values) for name, values in sorted(data["data_collectors"].items())}),
    )


def _settings(data: dict[str, Any]) -> Pairs:
    return Pairs(*((row.title, _in_line(data[row.shown_as])) for row in settings_of(Cluster) if row.title))


def _collector(values: dict[str, Any]) -> dict[str, Any]:
    return {"active": values["active"], "interval": f"{values['interval'] / 1e6:.3f}s"}


def _in_line(value: Any) -> Any:
    if isinstance(value, list) and value and not isinstance(value[0], str):
        return spelled((first, last) for first, last in value)
    return ", ".join(value) if isinstance(value, list) else value


INFO = Local(Command("gnt-cluster", "info"), "Show the parameters of the cluster.", _info)


def _show_ispecs(session: Session, values: dict[str, Any]) -> int:
    del values
    data = session.client.call(Method.QUERY_CLUSTER_INFO)
    session.say(" ".join(["gnt-cluster init", *specs_options(data["ipolicy"]), data["name"]]))
    return 0


SHOW_ISPECS = Local(
    Command("gnt-cluster", "show-ispecs-cmd"),
    "Show the command that creates a cluster with the same instance specs.",
    _show_ispecs,
)


def _version(session: Session, values: dict[str, Any]) -> int:
    del values
    data = session.client.call(Method.QUERY_CLUSTER_INFO)
    titles = {
        "Software version": "software_version",
        "Internode protocol": "protocol_version",
        "Configuration format": "config_version",
        "OS api version": "os_api_version",
        "Export interface": "export_version",
        "VCS version": "vcs_version",
    }
    for title, name in titles.items():
        session.say(f"{title}: {data[name]}")
    return 0


VERSION = Local(
    Command("gnt-cluster", "version"), "Show the version of the software, the protocol and the configuration.", _version
)


def _getmaster(session: Session, values: dict[str, Any]) -> int:
    del values
    master = read_text(session.paths.ssconf("master_node"))
    if master is None:
        session.warn("Cluster not initialized")
        return EXIT_NOT_CLUSTER
    session.say(master)
    return 0


GETMASTER = Local(Command("gnt-cluster", "getmaster"), "Show the name of the master node.", _getmaster)


def _show_verify(session: Session, submitted: dict[str, Any]) -> int:
    numbers = [number for _, number in submitted["jobs"]]
    session.say(f"Submitted jobs {', '.join(map(str, numbers))}")
    good = True
    for number in numbers:
        session.say(f"Waiting for job {number} ...")
        good = follow.follow(session, number)[0] and good
    return 0 if good else EXIT_FAILURE


VERIFY = presented(ClusterVerify, _show_verify)


def _destroy(session: Session, values: dict[str, Any]) -> int:
    if values.get("dry_run"):
        follow.run(session, ClusterDestroy.wire_name(), {"dry_run": True})
        return 0
    if not values.get("yes_do_it"):
        session.warn(
            "Destroying a cluster is irreversible. If you really want to destroy this cluster, "
            "supply the --yes-do-it option."
        )
        return EXIT_FAILURE
    from ganeti.bootstrap.destroy import destroy  # noqa: PLC0415 - only here
    from ganeti.host.services import services  # noqa: PLC0415 - only here

    if not session.paths.leaving.exists():  # otherwise an interrupted attempt has already stopped the daemons
        follow.run(session, ClusterDestroy.wire_name(), {})
    destroy(session.paths, services(session.paths))
    session.say("The cluster has been destroyed; disk images and log files were not removed")
    return 0


DESTROY = Local(
    Command(
        "gnt-cluster",
        "destroy",
        options=(Option(("--yes-do-it", "--ya-rly"), "Really do it", kind="flag"), PREVIEW),
        usage="{--yes-do-it | --preview}",
    ),
    "Destroy the cluster. It must have no instances, and no nodes but the master.",
    _destroy,
)


def _queue(session: Session, values: dict[str, Any]) -> int:
    what = values["what"]
    if what in ("drain", "undrain"):
        session.client.call(Method.SET_DRAIN_FLAG, what == "drain")
    else:
        (drained,) = session.client.call(Method.QUERY_CONFIG_VALUES, ["drain_flag"])
        session.say(f"The drain flag is {'set' if drained else 'unset'}")
    return 0


QUEUE = Local(
    Command(
        "gnt-cluster",
        "queue",
        (Argument("what", "drain, undrain or info", choices=("drain", "undrain", "info")),),
        usage="{drain | undrain | info}",
    ),
    "Drain or undrain the job queue (a drained queue accepts no new jobs), or show its state.",
    _queue,
)


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
