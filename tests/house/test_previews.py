# SPDX-License-Identifier: BSD-2-Clause
"""Every command that changes something tells what it would do when asked with --preview, or it stands here why not."""

import pytest

from ganeti.cli.commands import COMMANDS, find
from ganeti.cli.runnable import options_of

READING = {
    "console",
    "diagnose",
    "getmaster",
    "health",
    "info",
    "list",
    "list-drbd",
    "list-fields",
    "list-storage",
    "list-tags",
    "locks",
    "master-ping",
    "search-tags",
    "show-ispecs-cmd",
    "version",
    "volumes",
    "wait",
    "watch",
}
# They move and remove nothing that is not said on their command line.
WITHOUT = {
    "gnt-cluster command": "what another program does is not known",
    "gnt-cluster copyfile": "its arguments are all that it does",
    "gnt-cluster init": "there is no cluster yet",
    "gnt-cluster queue": "undone by its other word",
    "gnt-cluster watcher": "undone by its other word",
    "gnt-node add": "undone by gnt-node remove",
    "gnt-node invite": "prints a token, which ends by itself",
    "gnt-node join": "what it is to do is decided where it was invited",
    "gnt-node restricted-command": "what another program does is not known",
    "gnt-instance exec": "what another program does is not known",
    "gnt-filter add": "undone by gnt-filter delete",
    "gnt-filter replace": "its arguments are all that it does",
    "gnt-job archive": "jobs stay readable",
    "gnt-job autoarchive": "jobs stay readable",
    "gnt-job cancel": "names the jobs, and what runs already goes on",
    "gnt-job change-priority": "undone by itself",
    "gnt-debug metad": "what is left for a guest is its argument",
    "gnt-debug test-jobqueue": "for tests",
}
ALL = [(script, name) for script, names in COMMANDS.items() for name in names]


def flags(script, name):
    return {flag for option in options_of(find(script, name)) if not option.hidden for flag in option.flags}


@pytest.mark.parametrize(("script", "name"), ALL)
def test_what_changes_something_can_be_previewed(script, name):
    given = {"--preview", "--dry-run"} & flags(script, name)
    without = name in READING or f"{script} {name}" in WITHOUT
    assert given == (set() if without else {"--preview", "--dry-run"})


def test_what_is_listed_exists():
    assert {tuple(command.split()) for command in WITHOUT} | {one for one in ALL if one[1] in READING} <= {*ALL}
