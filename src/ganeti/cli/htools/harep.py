# SPDX-License-Identifier: BSD-2-Clause
"""``harep``: repairs broken instances as far as their tags allow (harep(1))."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ganeti.cli.htools import tool
from ganeti.cli.htools.options import DEFAULT, Parser, integer, parser, say
from ganeti.errors import WrongInput
from ganeti.operations import OPERATIONS
from ganeti.placement.repair import Case, Repair, cases

# What a repair is made of. Tags say which repairs are under way, so that none is begun twice.
_NEEDED = {
    Repair.FIX_STORAGE: ("OP_TAGS_SET", "OP_INSTANCE_REPLACE_DISKS"),
    Repair.MIGRATE: ("OP_TAGS_SET", "OP_INSTANCE_MIGRATE"),
    Repair.FAILOVER: ("OP_TAGS_SET", "OP_INSTANCE_FAILOVER"),
    Repair.REINSTALL: ("OP_TAGS_SET", "OP_INSTANCE_RECREATE_DISKS", "OP_INSTANCE_REINSTALL"),
}


def main(words: Sequence[str] | None = None) -> int:
    return tool.run(_main, words)


def _main(words: Sequence[str]) -> int:
    arguments = command_line().parse_args(words)
    from ganeti.cli.htools.inputs import luxi  # noqa: PLC0415 - start-up time

    try:
        snapshot = luxi.load(arguments.luxi, 0).snapshot
    except WrongInput as error:
        raise WrongInput(f"Error: failed to load data, aborting: {error.message}") from None
    found = cases(snapshot)
    for case in found:
        say(f"{case.instance.name}: {case.why}; {case.needed.word} {_decision(case)}")
    states = Counter("needs repair" if case.permitted else "repair disallowed" for case in found)
    healthy = len(snapshot.instances) - len(found)
    say("---------------------\nInstance status count\n---------------------")
    for state, count in (("healthy", healthy), *sorted(states.items())):
        say(f"{state}: {count}")
    permitted = [case for case in found if case.permitted]
    if permitted and not arguments.dry_run:
        _require_operations(permitted)
    return 0


def _decision(case: Case) -> str:
    if case.suspended:
        return "is suspended by a tag"
    if case.permitted:
        return "is allowed"
    return "is not allowed: " + (
        f"tags allow {case.allowed.word} at most" if case.allowed is not None else "no tag allows any repair"
    )


def _require_operations(permitted: Sequence[Case]) -> None:
    """Nothing is begun that the master daemon cannot do, or could not keep track of."""
    needed = {name for case in permitted for name in _NEEDED[case.needed]}
    missing = sorted(needed - OPERATIONS.keys())
    if missing:
        raise WrongInput(
            f"Error: the master daemon cannot do {', '.join(missing)} yet, which these repairs need; nothing was "
            "begun. --dry-run only shows what would be done"
        )


def command_line() -> Parser:
    made = parser("harep", "Repairs broken instances as far as their tags allow.")
    add = made.add_argument
    add("-L", "--luxi", metavar="SOCKET", nargs="?", const=DEFAULT, default=DEFAULT, help="the master daemon's socket")
    add("--job-delay", metavar="SECONDS", type=integer("job delay"), default=0, help="let repairs begin so much later")
    add("--reason", metavar="TEXT", help="the reason that the jobs are given")
    add("--dry-run", action="store_true", help="only show what would be done")
    return made
