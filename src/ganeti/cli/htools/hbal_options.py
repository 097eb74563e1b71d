# SPDX-License-Identifier: BSD-2-Clause
"""The options of hbal(1), and ours: --plan and --optimal."""

from __future__ import annotations

from ganeti.cli.htools.options import (
    DEFAULT,
    Parser,
    add_adjustments,
    add_backends,
    add_listings,
    integer,
    number,
    parser,
)
from ganeti.errors import WrongInput


def command_line() -> Parser:
    made = parser("hbal", "Balances a group of a cluster by moving its instances.")
    made.add_argument("-G", "--group", metavar="ID", help="the node group, by name or UUID")
    add_balancing(made)
    _add_beyond(made)
    add_listings(made)
    _add_results(made)
    return made


def add_balancing(made: Parser) -> None:
    """What hcheck has as well, which looks at all groups and carries nothing out."""
    add_backends(made)
    add_adjustments(made)
    _add_limits(made)
    _add_moves(made)
    _add_weights(made)


def _add_limits(made: Parser) -> None:
    add = made.add_argument_group("how far to go").add_argument
    add("-l", "--max-length", metavar="N", type=integer("max solution length"), default=-1, help="at most N steps")
    add(
        "-e", "--min-score", metavar="SCORE", type=number("min score"), default=1e-9, help="a score that is good enough"
    )
    text = "the least that a step has to gain"
    add("-g", "--min-gain", metavar="DELTA", type=number("min gain"), default=1e-2, help=text)
    text = "the score from which the least gain counts"
    add("--min-gain-limit", metavar="SCORE", type=number("min gain limit"), default=1e-1, help=text)


def _add_moves(made: Parser) -> None:
    add = made.add_argument_group("what may move").add_argument
    add("-E", "--evac-mode", action="store_true", help="only instances of nodes that are offline or drained")
    add("--restricted-migration", action="store_true", help="no migration but off nodes that are offline or drained")
    add("--no-disk-moves", action="store_true", help="move no disks")
    add("--no-instance-moves", action="store_true", help="leave all primaries where they are")
    add("--select-instances", metavar="NAMES", help="only these")
    add("--exclude-instances", metavar="NAMES", help="not these")
    add("--ignore-soft-errors", action="store_true", help="policies, tags and N+1 forbid nothing")
    add("--max-cpu", metavar="RATIO", type=_max_cpu, help="vcpus a core, instead of the policy's")
    text = "the part of each node's disk that stays free"
    add("--min-disk", metavar="RATIO", type=number("min disk space"), default=0.0, help=text)


def _max_cpu(text: str) -> float:
    value = number("max cpu ratio")(text)
    if value <= 0:
        raise WrongInput("Error while parsing command line arguments:\nInvalid value of the max-cpu ratio, expected >0")
    return value


def _add_weights(made: Parser) -> None:
    add = made.add_argument_group("what counts").add_argument
    add("-U", "--dynu-file", metavar="FILE", help="dynamic load: a line an instance, name cpu mem disk net")
    add("--exclusion-tags", metavar="TAG,...", help="prefixes of tags whose instances are to be kept apart")
    add("--exit-on-missing-mond-data", action="store_true", help="stop if the monitoring daemons do not tell all")
    add("--mond-xen", action="store_true", help="with --mond: load as Xen measures it, by instance")


def _add_beyond(made: Parser) -> None:
    add = made.add_argument_group("beyond Ganeti's hbal").add_argument
    add("--plan", action="store_true", help="explain the steps: what moves, why, how long the copying takes")
    text = "look for the best final state for so long (60 s if not given)"
    add("--optimal", metavar="SECONDS", nargs="?", const=60.0, type=number("time limit"), help=text)
    text = "MiB a second at which disks are copied, for the plan's times (default: %(default)s)"
    add("--copy-speed", metavar="RATE", type=number("copy speed"), default=100.0, help=text)


def _add_results(made: Parser) -> None:
    add = made.add_argument_group("what comes of it").add_argument
    text = "print the commands, or write them to a file"
    add("-C", "--print-commands", metavar="FILE", nargs="?", const=DEFAULT, help=text)
    add("-S", "--save", metavar="FILE", help="save the cluster before and after to FILE.original and FILE.balanced")
    add("-X", "--exec", action="store_true", help="let the master daemon carry the steps out (with -L)")
    add("--first-job-group", action="store_true", help="carry out the first set of jobs only")
    add("--reason", metavar="TEXT", help="the reason that the jobs are given")
    add("--priority", metavar="PRIORITY", choices=("low", "normal", "high"), default="normal", help="of the jobs")
