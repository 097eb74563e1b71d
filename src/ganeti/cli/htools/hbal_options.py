# SPDX-License-Identifier: BSD-2-Clause
"""The options of hbal(1), plus --plan and --optimal."""

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
    """Options shared with hcheck, which checks all groups and executes nothing."""
    add_backends(made)
    add_adjustments(made)
    _add_limits(made)
    _add_moves(made)
    _add_weights(made)


def _add_limits(made: Parser) -> None:
    add = made.add_argument_group("limits").add_argument
    add(
        "-l",
        "--max-length",
        metavar="N",
        type=integer("max solution length"),
        default=-1,
        help="maximum number of steps",
    )
    add(
        "-e",
        "--min-score",
        metavar="SCORE",
        type=number("min score"),
        default=1e-9,
        help="stop when the score is this low",
    )
    text = "minimum gain of a step"
    add("-g", "--min-gain", metavar="DELTA", type=number("min gain"), default=1e-2, help=text)
    text = "score below which --min-gain applies"
    add("--min-gain-limit", metavar="SCORE", type=number("min gain limit"), default=1e-1, help=text)


def _add_moves(made: Parser) -> None:
    add = made.add_argument_group("allowed moves").add_argument
    add("-E", "--evac-mode", action="store_true", help="only move instances off nodes that are offline or drained")
    add(
        "--restricted-migration",
        action="store_true",
        help="only migrate instances off nodes that are offline or drained",
    )
    add("--no-disk-moves", action="store_true", help="do not move disks: only fail over or migrate")
    add("--no-instance-moves", action="store_true", help="do not move instances: only replace secondary nodes")
    add("--select-instances", metavar="NAMES", help="only move these instances")
    add("--exclude-instances", metavar="NAMES", help="do not move these instances")
    add("--ignore-soft-errors", action="store_true", help="ignore policy ratios, exclusion tags and N+1")
    add(
        "--max-cpu",
        metavar="RATIO",
        type=_max_cpu,
        help="maximum ratio of virtual to physical CPUs, instead of the policy's",
    )
    text = "share of each node's disk to keep free"
    add("--min-disk", metavar="RATIO", type=number("min disk space"), default=0.0, help=text)


def _max_cpu(text: str) -> float:
    value = number("max cpu ratio")(text)
    if value <= 0:
        raise WrongInput("Error while parsing command line arguments:\nInvalid value of the max-cpu ratio, expected >0")
    return value


def _add_weights(made: Parser) -> None:
    add = made.add_argument_group("scoring").add_argument
    add("-U", "--dynu-file", metavar="FILE", help="dynamic load, one instance per line: name cpu mem disk net")
    add("--exclusion-tags", metavar="TAG,...", help="tag prefixes: keep instances with the same tag apart")
    add("--exit-on-missing-mond-data", action="store_true", help="exit if data of a monitoring daemon is missing")
    add("--mond-xen", action="store_true", help="with --mond: use each instance's load as measured by Xen")


def _add_beyond(made: Parser) -> None:
    add = made.add_argument_group("beyond Ganeti's hbal").add_argument
    add("--plan", action="store_true", help="explain the steps: what moves, why, how long the copying takes")
    text = "search for the best final state for this long (60 s if not given)"
    add("--optimal", metavar="SECONDS", nargs="?", const=60.0, type=number("time limit"), help=text)
    text = "speed at which disks are copied, MiB/s, to estimate the plan's times (default: %(default)s)"
    add("--copy-speed", metavar="RATE", type=number("copy speed"), default=100.0, help=text)


def _add_results(made: Parser) -> None:
    add = made.add_argument_group("results").add_argument
    text = "print the commands, or write them to a file"
    add("-C", "--print-commands", metavar="FILE", nargs="?", const=DEFAULT, help=text)
    add(
        "-S",
        "--save",
        metavar="FILE",
        help="save the cluster state before and after to FILE.original and FILE.balanced",
    )
    add("-X", "--exec", action="store_true", help="execute the steps as jobs (with -L)")
    add("--first-job-group", action="store_true", help="execute only the first set of jobs")
    add("--reason", metavar="TEXT", help="reason to record with the jobs")
    add(
        "--priority",
        metavar="PRIORITY",
        choices=("low", "normal", "high"),
        default="normal",
        help="priority of the jobs",
    )
