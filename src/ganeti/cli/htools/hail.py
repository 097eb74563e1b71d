# SPDX-License-Identifier: BSD-2-Clause
"""``hail``: the instance allocator, as a program that reads a request from a file (hail(1)).

After any error an answer in the protocol's form is printed; errors of the input are also reported on standard
error and by the exit status.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import msgspec

from ganeti.cli.given_file import read_given
from ganeti.cli.htools import tool
from ganeti.cli.htools.completing import add_completion
from ganeti.cli.htools.loads import with_loads
from ganeti.cli.htools.options import attached
from ganeti.cli.parser import PrintingParser
from ganeti.errors import CommandLineError, GanetiError, WrongInput
from ganeti.placement.allocator.answer import Answer, failure
from ganeti.placement.allocator.answering import answer
from ganeti.placement.allocator.limits import Limits
from ganeti.placement.allocator.message import STATIC_KVM_NODE_MEMORY, read_message, request_of
from ganeti.placement.allocator.request import Allocate, MultiAllocate, Request
from ganeti.placement.snapshot import Snapshot

_ALONE = {"-p": "--print-nodes=", "--print-nodes": "--print-nodes=", "--mond": "--mond=yes"}


class _Parser(PrintingParser):
    def error(self, message: str) -> NoReturn:
        raise CommandLineError(f"Command line error: {message}")


def main() -> int:
    """Run the command; its exit status."""
    return tool.run(_main, None)


def _main(words: Sequence[str]) -> int:
    try:
        given = _answered(command_line().parse_args(attached(words, _ALONE)))
    except GanetiError as error:
        _print(failure(error.message))
        sys.stderr.write(f"Error: {error.message}\n")
        return error.exit_status
    _print(given)
    return 0


def _answered(options: Namespace) -> Answer:
    message = read_message(_read(options.input), options.static_kvm_node_memory)
    before = _with_loads(options, message.snapshot)
    request = _restricted(options, before, request_of(before, message.request))
    limits = Limits(ignore_soft=options.ignore_soft_errors, capacity=not options.no_capacity_checks)
    if options.verbose:
        sys.stderr.write(f"Received request: {request}\n")
    given, after = answer(before, request, limits)
    if options.print_nodes is not None:
        _list("Initial", before, options.print_nodes)
        _list("Final", after, options.print_nodes)
    if options.save:
        _save(options.save, before, "pre-ialloc", "before")
        _save(options.save, after, "post-ialloc", "after")
    return given


def _with_loads(options: Namespace, requested: Snapshot) -> Snapshot:
    """The cluster with its dynamic load; ``--ignore-dynu`` does not affect that in a request, as with Ganeti's hail."""
    overridden = _overridden(options)
    if overridden is None and options.ignore_dynu:
        return requested
    return with_loads(overridden or requested, options)


def _overridden(options: Namespace) -> Snapshot | None:
    """The cluster from an option, instead of that in the message."""
    if options.simulate:
        from ganeti.placement.simulated import simulated  # noqa: PLC0415 - start-up time; rarely asked for

        try:
            return simulated(options.simulate)
        except WrongInput as error:
            raise WrongInput(f"failed to load data, aborting: {error.message}") from None
    if not options.text_data:
        return None
    from ganeti.placement.text.reader import parse  # noqa: PLC0415 - start-up time; rarely asked for

    try:
        return parse(_read(options.text_data).decode()).snapshot
    except (WrongInput, UnicodeDecodeError) as error:
        raise WrongInput(f"failed to load data, aborting: {options.text_data}: {error}") from error


def _restricted(options: Namespace, snapshot: Snapshot, request: Request) -> Request:
    """The request with the nodes of ``--restrict-allocation-to`` instead of its own."""
    if options.restrict_allocation_to is None:
        return request
    names = options.restrict_allocation_to.split(",")
    nodes = tuple(snapshot.node_index[name] for name in names if name in snapshot.node_index)
    match request:
        case Allocate():
            return msgspec.structs.replace(request, nodes=nodes)
        case MultiAllocate(requests):
            return MultiAllocate(tuple(msgspec.structs.replace(single, nodes=nodes) for single in requests))
    return request


def _read(name: str) -> bytes:
    try:
        return read_given(name)
    except OSError as error:
        raise WrongInput(f"{name}: {error.strerror}") from error


def _save(name: str, snapshot: Snapshot, extension: str, when: str) -> None:
    from ganeti.placement.text.writer import serialise  # noqa: PLC0415 - start-up time; rarely asked for

    path = Path(f"{name}.{extension}")
    try:
        path.write_text(serialise(snapshot))
    except OSError as error:
        raise WrongInput(f"{path}: {error.strerror}") from error
    sys.stderr.write(f"The cluster state {when} iallocator run has been written to file '{path}'\n")


def _list(when: str, snapshot: Snapshot, fields: str) -> None:
    """The nodes, on standard error: standard output is for the answer."""
    from ganeti.cli.htools.names import Names  # noqa: PLC0415 - start-up time; rarely asked for
    from ganeti.cli.htools.report.hosted import Hosted  # noqa: PLC0415
    from ganeti.cli.htools.report.nodes import node_table  # noqa: PLC0415
    from ganeti.placement.occupancy import Occupancy  # noqa: PLC0415

    table = node_table(Hosted(snapshot), Occupancy(snapshot), Names(snapshot), fields)
    sys.stderr.write("\n".join(("", f"{when} cluster status:", *table, "", "")))


def _print(given: Answer) -> None:
    sys.stdout.buffer.write(given.encode() + b"\n")
    sys.stdout.flush()


def command_line() -> PrintingParser:
    parser = _Parser(prog="hail", description="Instance allocator: answers a request in the iallocator protocol.")
    add = parser.add_argument
    add("input", metavar="input-file", help="the request; - for standard input")
    add(
        "-t",
        "--text-data",
        metavar="FILE",
        help="use the cluster in this file (text format of htools(1)) instead of the request's",
    )
    add("--simulate", metavar="SPEC", action="append", help="use a simulated, empty cluster instead of the request's")
    add(
        "-p",
        "--print-nodes",
        metavar="FIELDS",
        nargs="?",
        const="",
        help="list the nodes before and after the allocation",
    )
    add(
        "-S",
        "--save",
        "--save-cluster",
        metavar="FILE",
        help="save the cluster state to FILE.pre-ialloc and FILE.post-ialloc",
    )
    add("-v", "--verbose", action="count", default=0, help="print how the request was interpreted")
    add(
        "--ignore-dynu",
        action="store_true",
        help="ignore dynamic load: query no monitoring daemons, and treat the load in the data of -t as zero",
    )
    add("--ignore-soft-errors", action="store_true", help="ignore N+1, the CPU and spindle ratios, and exclusion tags")
    add(
        "--no-capacity-checks",
        action="store_true",
        help="do not require that the cluster can survive the failure of any node",
    )
    add("--restrict-allocation-to", metavar="NODE,...", help="allocate on these nodes only")
    text = "use the CPU load that the monitoring daemons measure"
    add("--mond", nargs="?", const="yes", default="no", choices=("yes", "no"), help=text)
    add("--mond-xen", action="store_true", help="with --mond: use each instance's load as measured by Xen")
    add(
        "--static-kvm-node-memory",
        type=int,
        default=STATIC_KVM_NODE_MEMORY,
        metavar="MIB",
        help="memory in MiB that KVM nodes use themselves; 0: as they report (default: 4096)",
    )
    parser.set_defaults(mond_data=None, exit_on_missing_mond_data=False)
    add_completion(parser)
    add("-V", "--version", action="version", version="hail (ganeti) version 4.0.0.dev0")
    return parser


if __name__ == "__main__":
    sys.exit(main())
