# SPDX-License-Identifier: BSD-2-Clause
"""The command line of ``move-instance`` ("Moving instances between clusters")."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Lock
from typing import Any, get_args

from ganeti import VERSION
from ganeti.cli.failures import ended, for_reading
from ganeti.cli.move_instance.api import Api, password_of, trusting
from ganeti.cli.move_instance.move import Move
from ganeti.cli.options import Parser, build, parse
from ganeti.declare.command import Option
from ganeti.declare.problems import Problems
from ganeti.declare.text import parse_keyval
from ganeti.errors import EXIT_FAILURE, CommandLineError, GanetiError, WrongInput
from ganeti.model.compression import Compression

NAME = "move-instance"
_USAGE = "[options] SOURCE-CLUSTER DESTINATION-CLUSTER INSTANCE..."
_DESCRIPTION = (
    "Move instances to another cluster, with all that is on their disks. A running one is shut down, its disks are "
    "sent from node to node, it is started there and removed here. Both clusters need the same cluster domain secret."
)
_PORT = 5080
_MOST_AT_ONCE = 16
_SIDES = {"src": "source", "dest": "destination"}


def _of_side(side: str) -> tuple[Option, ...]:
    whose = f"of the {_SIDES[side]} cluster"
    like = "; by default as for the source" if side == "dest" else ""
    port = like or f"; by default {_PORT}"
    return (
        Option((f"--{side}-rapi-port",), f"Port of the remote API {whose}{port}", "int", metavar="PORT"),
        Option(
            (f"--{side}-ca-file",),
            f"Certificate {whose}'s remote API, or of its authority (PEM){like}",
            metavar="FILE",
            completes="file",
        ),
        Option((f"--{side}-username",), f"User of the remote API {whose}{like}", metavar="USER"),
        Option(
            (f"--{side}-password-file",), f"File with the password of that user{like}", metavar="FILE", completes="file"
        ),
    )


_OF_ONE = (
    Option(("--dest-instance-name",), "Name in the destination cluster, if another", metavar="NAME"),
    Option(("--dest-primary-node",), "Primary node in the destination cluster", metavar="NODE"),
    Option(("--dest-secondary-node",), "Secondary node there, for mirrored disks", metavar="NODE"),
    Option(
        ("--disk",),
        "What is different for a disk: N:size=SIZE,vg=VG...; may be repeated",
        "identkeyval",
        "disks",
        "N:...",
        repeat=True,
    ),
    Option(
        ("--net",),
        "What is different for a NIC: N:network=NAME,ip=pool or N:link=...; may be repeated",
        "identkeyval",
        "nics",
        "N:...",
        repeat=True,
    ),
    Option(
        ("-H", "--hypervisor-parameters"),
        "Hypervisor parameters that are different there",
        name="hypervisor_and_parameters",
        metavar="[HYPERVISOR:]KEY=VALUE,...",
    ),
    Option(("-B", "--backend-parameters"), "Backend parameters that are different there", "keyval", "beparams"),
    Option(("-O", "--os-parameters"), "OS parameters that are different there", "keyval", "osparams"),
    Option(
        ("--os-parameters-private",),
        "Private OS parameters, which the remote API does not tell",
        "keyval",
        "osparams_private",
    ),
    Option(("--os-parameters-secret",), "Secret OS parameters, which are never stored", "keyval", "osparams_secret"),
)
OPTIONS = (
    *_of_side("src"),
    *_of_side("dest"),
    Option(("-I", "--iallocator"), "Allocator that chooses the nodes there", metavar="NAME"),
    Option(("--dest-disk-template",), "Disk template there, if another", metavar="TEMPLATE"),
    *_OF_ONE,
    Option(("--keep-source-instance",), "Leave the instance in the source cluster, stopped", "flag"),
    Option(
        ("--compress",),
        "Compression of the disks' content on its way, for slow connections",
        choices=get_args(Compression),
    ),
    Option(("-p", "--parallel"), "How many instances to move at a time; by default 1", "int", metavar="N"),
    Option(
        ("--opportunistic-tries",),
        "Accepted for compatibility: allocation never waits for locks",
        "int",
        metavar="N",
    ),
    Option(("--opportunistic-delay",), "Accepted for compatibility, likewise", "int", metavar="SECONDS"),
    Option(("-v", "--verbose"), "Print what the jobs of both clusters log", "count"),
    Option(("-d", "--debug"), "Print that, and where in the program an error is", "count"),
    Option(("--version",), "Show the version and exit", "flag"),
)


def main() -> int:
    return ended(NAME, sys.argv[1:], _run)


def command_line() -> Parser:
    return build(NAME, _USAGE, _DESCRIPTION, OPTIONS)


def _run(words: Sequence[str]) -> int:
    given = parse(command_line(), OPTIONS, words)
    if given.values.get("version"):
        print(f"{NAME} (ganeti {VERSION}) {VERSION}")  # noqa: T201 - for the user
        return 0
    with given.problems.noted():
        values = _checked(given.arguments, given.values)
    given.problems.tell()
    source, target, *names = given.arguments
    apis = _apis(source, target, values)
    console = Console(told=bool(values.get("verbose") or values.get("debug")), named=len(names) > 1)
    with ThreadPoolExecutor(values.get("parallel", 1)) as pool:
        moved = list(pool.map(partial(_moved, apis, values, console), names))
    return 0 if all(moved) else EXIT_FAILURE


def _checked(arguments: Sequence[str], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a command line that makes sense. Raises CommandLineError or WrongInput."""
    problems = Problems()
    if len(arguments) < 3:
        raise CommandLineError(f"{NAME}: error: give the two clusters and an instance; see '{NAME} --help'")
    names = arguments[2:]
    if len(names) > 1 and (only := [option.flags[-1] for option in _OF_ONE if values.get(option.dest)]):
        raise WrongInput(f"{', '.join(only)}: for one instance alone, and {len(names)} are named")
    with problems.noted():
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise WrongInput(f"{', '.join(twice)}: named twice")
    with problems.noted():
        if values.get("dest_primary_node") and values.get("iallocator"):
            raise WrongInput("Give either --dest-primary-node or --iallocator, not both")
    with problems.noted():
        if values.get("dest_secondary_node") and not values.get("dest_primary_node"):
            raise WrongInput("--dest-secondary-node: give --dest-primary-node too")
    with problems.noted():
        if not 1 <= values.get("parallel", 1) <= _MOST_AT_ONCE:
            raise WrongInput(f"--parallel: give a number from 1 to {_MOST_AT_ONCE}")
    hypervisor: tuple[str | None, dict[str, Any]] = (None, {})
    with problems.noted():
        hypervisor = _hypervisor(values.get("hypervisor_and_parameters") or "")
    problems.tell()
    return {**values, "hypervisor_and_parameters": hypervisor}


def _hypervisor(text: str) -> tuple[str | None, dict[str, Any]]:
    """``kvm:vga=std`` or ``vga=std``. Raises WrongInput."""
    ident, colon, rest = text.partition(":")
    if colon and "=" not in ident:
        return ident, parse_keyval(rest, "--hypervisor-parameters") if rest else {}
    return None, parse_keyval(text, "--hypervisor-parameters") if text else {}


def _apis(source: str, target: str, values: Mapping[str, Any]) -> tuple[Api, Api]:
    """Raises WrongInput or OSError."""
    of_source = {name: values.get(f"src_{name}") for name in ("rapi_port", "ca_file", "username", "password_file")}
    of_target = {name: values.get(f"dest_{name}") or value for name, value in of_source.items()}
    return _api("src", source, of_source), _api("dest", target, of_target)


def _api(side: str, host: str, given: Mapping[str, Any]) -> Api:
    return Api(
        side=side,
        host=host,
        port=given["rapi_port"] or _PORT,
        user=given["username"],
        password=password_of(given["password_file"], given["username"], side),
        context=trusting(given["ca_file"]),
    )


def _moved(apis: tuple[Api, Api], values: Mapping[str, Any], console: Console, name: str) -> bool:
    say = partial(console.say, name)
    try:
        Move(*apis, name, values, say, partial(console.tell, name)).run()
    except GanetiError as error:
        console.complain(name, error.message)
        return False
    return True


class Console:
    """Whole lines, whoever prints. ``told``: what jobs log, too; ``named``: with the name of the instance."""

    def __init__(self, *, told: bool, named: bool) -> None:
        self._told = told
        self._named = named
        self._lock = Lock()

    def say(self, name: str, text: str) -> None:
        with self._lock:
            print(f"{name}: {text}" if self._named else text, flush=True)  # noqa: T201 - for the user

    def tell(self, name: str, text: str) -> None:
        if self._told:
            self.say(name, f"  {text}")

    def complain(self, name: str, text: str) -> None:
        with self._lock:
            sys.stdout.flush()
            print(for_reading(f"{name} was not moved: {text}"), file=sys.stderr, flush=True)  # noqa: T201 - likewise
