# SPDX-License-Identifier: BSD-2-Clause
"""Adding nodes to the cluster: ``gnt-node add``, ``invite`` and ``join``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ganeti.cli import follow
from ganeti.cli.names import full_names
from ganeti.cli.options import option_of
from ganeti.cli.runnable import Local
from ganeti.cli.session import Session
from ganeti.declare.command import Argument, Command, Option
from ganeti.declare.operation import COMMON_PARAMETERS
from ganeti.declare.text import RESET, parse_age
from ganeti.errors import CommandLineError, GanetiError, MasterUnreachable, ResolverError
from ganeti.host.files import read_text
from ganeti.luxi.protocol import Method
from ganeti.operations.node.add import NodeAdd
from ganeti.query.filter import names_filter

if TYPE_CHECKING:
    from ganeti.bootstrap.join.over_ssh import RemoteSetup, Wanted
    from ganeti.node.membership import Bundle

_NODE_OPTIONS = tuple(
    option_of(parameter)
    for name, parameter in NodeAdd.parameters().items()
    if parameter.flags and name not in COMMON_PARAMETERS
)
_SSH_OPTIONS = (
    Option(("--no-ssh-key-check",), "Skip the check of the node's SSH host key", kind="flag"),
    Option(("--force-join",), "Add the node even if it belongs to another cluster, which it leaves", kind="flag"),
    Option(("--no-node-setup",), "Do not set the node up over SSH; it has its certificate already", kind="flag"),
    Option(("-v", "--verbose"), "Accepted for compatibility; every step is printed anyway", kind="flag"),
)


def _add(session: Session, values: dict[str, Any]) -> int:
    name, address = _resolved(session, values["node_name"])
    parameters = _parameters(values) | {"node_name": name, "primary_ip": address}
    if values.get("no_node_setup"):
        return _taken_in(session, parameters)
    if values.get("submit_only"):
        raise CommandLineError("--submit: the setup over SSH must see the end of the job; give --no-node-setup too")
    # Everything is checked, as far as possible, before the machine is touched.
    check, only = {**parameters, "dry_run": True}, bool(values.get("dry_run"))
    follow.follow(session, follow.submit(session, NodeAdd.wire_name(), check), told=only)
    if only:
        return 0
    session.say(f"Preparing {name} over SSH ...")
    setup = _remote_setup(address, _ssh_port(session, name, values), values)
    setup.begin(*_credentials(session, name, values))
    try:
        status = _taken_in(session, parameters)
    except MasterUnreachable:
        raise  # the outcome of the job is unknown
    except GanetiError:
        setup.undo()
        raise
    setup.complete()
    return status


def _taken_in(session: Session, parameters: dict[str, Any]) -> int:
    if follow.run(session, NodeAdd.wire_name(), parameters) is not None:
        session.say(f"Node {parameters['node_name']} is in the cluster")
    return 0


def _ssh_port(session: Session, name: str, values: dict[str, Any]) -> int:
    """The given one, or else that of the existing node, or of its group and the cluster."""
    given = (values.get("ndparams") or {}).get("ssh_port", RESET)
    if given != RESET:
        return int(given)
    kind, named = ("node", [name]) if values.get("readd") else ("group", [values.get("group")])
    known = names_filter(full_names(session, kind, [word for word in named if word]))
    return int(session.query(kind, ["ndparams"], known)[0][0]["ssh_port"])


def _remote_setup(address: str, port: int, values: dict[str, Any]) -> RemoteSetup:
    from ganeti.bootstrap.join.over_ssh import RemoteSetup  # noqa: PLC0415 - slow to import
    from ganeti.host.ssh import Ssh  # noqa: PLC0415 - only here

    return RemoteSetup(Ssh(host=address, port=port, check_host_key=not values.get("no_ssh_key_check")))


def _credentials(session: Session, name: str, values: dict[str, Any]) -> tuple[Wanted, Callable[[bytes], Bundle]]:
    """What the node is told first, and the function that creates its bundle."""
    from ganeti.bootstrap.join.bundles import Notary  # noqa: PLC0415 - slow to import
    from ganeti.bootstrap.join.over_ssh import Wanted  # noqa: PLC0415
    from ganeti.rpc.authority import read_term  # noqa: PLC0415

    notary = Notary(session.paths)
    wanted = Wanted(
        cluster_name=read_text(session.paths.ssconf("cluster_name")) or "",
        authority=session.paths.ca_certificate.read_text(),
        again=bool(values.get("readd")),
        force=bool(values.get("force_join")),
        term=term.number if (term := read_term(session.paths.term)) else 0,
    )
    return wanted, lambda request: notary.bundle(name, request)


def _resolved(session: Session, name: str) -> tuple[str, str]:
    """(full name, address of the IP version that the cluster uses)."""
    from ganeti.config.ssconf import IP_VERSIONS  # noqa: PLC0415 - only here
    from ganeti.host.addresses import resolve  # noqa: PLC0415

    return resolve(name, IP_VERSIONS.get(read_text(session.paths.ssconf("primary_ip_family")) or ""))


def _parameters(values: dict[str, Any]) -> dict[str, Any]:
    names = [option.dest for option in _NODE_OPTIONS]
    return {name: values[name] for name in names if values.get(name) is not None}


ADD = Local(
    Command(
        "gnt-node",
        "add",
        (Argument("node_name", "Name of the node"),),
        (*_NODE_OPTIONS, *_SSH_OPTIONS),
        usage="[--secondary-ip ADDRESS] [--readd] <node-name>",
    ),
    "Add a machine to the cluster over SSH. Without SSH, use 'invite' here and 'join' there.",
    _add,
    job=True,
)


def _invite(session: Session, values: dict[str, Any]) -> int:
    name, options = values["node_name"], _parameters(values)
    try:
        name, options["primary_ip"] = _resolved(session, name)
    except ResolverError:
        session.warn(f"The name {name} does not resolve; the master will use the address that the node joins from")
    valid = parse_age(values["valid"], "--valid")
    token = session.client.call(Method.OFFER_JOIN, name, options, valid)
    session.say(f"On {name}, within {values['valid']}, run:\n\n  gnt-node join {token}\n")
    return 0


INVITE = Local(
    Command(
        "gnt-node",
        "invite",
        (Argument("node_name", "Name of the node"),),
        (
            *_NODE_OPTIONS,
            Option(("--valid",), "How long the token is valid: 30m, 1h, ...", default="1h", metavar="TIME"),
        ),
        usage="[--valid TIME] <node-name>",
    ),
    "Create a token with which a machine can join the cluster once, without SSH.",
    _invite,
)


def _join(session: Session, values: dict[str, Any]) -> int:
    from ganeti.bootstrap.join.applicant import join  # noqa: PLC0415 - slow to import
    from ganeti.bootstrap.join.token import decode  # noqa: PLC0415
    from ganeti.host.services import services  # noqa: PLC0415

    token = decode(values["token"])
    session.say(f"Joining the cluster whose master is {token.host} ...")
    answer = join(session.paths, token, services(session.paths), values.get("primary_ip"))
    for line in answer.lines:
        session.say(line)
    session.say(f"This machine is in the cluster, as node {answer.node_name}")
    return 0


JOIN = Local(
    Command(
        "gnt-node",
        "join",
        (Argument("token", "What 'gnt-node invite' printed on the master"),),
        (Option(("--primary-ip",), "Address at which the master contacts this node", metavar="ADDRESS"),),
        usage="[--primary-ip ADDRESS] <token>",
    ),
    "Join the cluster that issued the token. Run this on the new node.",
    _join,
)
