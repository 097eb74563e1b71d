# SPDX-License-Identifier: BSD-2-Clause
"""``python -m ganeti.lab``: the program behind ``./run demo``, ``./run shell``, ``./run power-off`` and the like."""

from __future__ import annotations

import argparse
import sys

from ganeti.errors import EXIT_FAILURE, GanetiError
from ganeti.lab import guest
from ganeti.lab.lab import Lab, down, find_plan
from ganeti.lab.vm.lab import SUITES, VirtualLab

DEMO = "demo"


def main(words: list[str]) -> int:
    """The exit status."""
    arguments = _parser().parse_args(words)
    try:
        if arguments.command == "guest":
            print(guest.build(guest.CACHE).directory)  # noqa: T201 - what was asked for
        elif arguments.command == "shell":
            _lab().node(arguments.node).shell(arguments.words)
        elif arguments.command == "power-off":
            _lab().node(arguments.node).kill()
        elif arguments.command == "power-on":
            _lab().node(arguments.node).boot().wait()
        elif arguments.down:
            down(DEMO)
        else:
            from ganeti.lab import demo  # noqa: PLC0415 - it shows progress with packages that the others don't need

            return demo.run(once=arguments.once, suite=arguments.suite or (SUITES[0] if arguments.vm else None))
    except GanetiError as error:
        print(error.message, file=sys.stderr)  # noqa: T201 - the one line that says what is in the way
        return EXIT_FAILURE
    except KeyboardInterrupt:
        return 130
    return 0


def _lab() -> Lab | VirtualLab:
    plan = find_plan(DEMO)
    return VirtualLab(plan) if plan.suite else Lab(plan)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./run")
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser("demo", help="show a cluster of three nodes on this machine")
    demo.add_argument("down", nargs="?", choices=["down"], help="remove every trace of it")
    demo.add_argument("--vm", action="store_true", help="its nodes are virtual machines")
    demo.add_argument("--suite", choices=SUITES, help="the Debian of these; the first unless it is said")
    demo.add_argument("--once", action="store_true", help="remove it at the end")
    shell = commands.add_parser("shell", help="a shell on a node of the demo, or a command there")
    shell.add_argument("node")
    shell.add_argument("words", nargs=argparse.REMAINDER, metavar="command")
    for name, told in (("power-off", "cut the power of a node of the demo"), ("power-on", "switch it on again")):
        commands.add_parser(name, help=told).add_argument("node")
    commands.add_parser("guest", help="build the tiny guest and print where it is")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
