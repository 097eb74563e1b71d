# SPDX-License-Identifier: BSD-2-Clause
"""``ganeti-node-setup``: what the master runs over ssh on a machine that becomes a node."""

from __future__ import annotations

import sys

import msgspec

from ganeti.bootstrap.join.over_ssh import accept, prepare
from ganeti.cli.main import explained
from ganeti.errors import EXIT_NODE_SETUP, GanetiError
from ganeti.host.daemons import Daemon
from ganeti.host.paths import Paths
from ganeti.host.services import services
from ganeti.node.membership import Bundle


def main() -> int:
    """``prepare [--force]`` prints a certificate request; ``accept`` reads a bundle."""
    words, paths = sys.argv[1:], Paths.from_environment()
    try:
        if words[:1] == ["prepare"]:
            sys.stdout.buffer.write(msgspec.json.encode(prepare(paths, force="--force" in words)))
        elif words == ["accept"]:
            bundle = msgspec.json.decode(sys.stdin.buffer.read(), type=Bundle)
            accept(paths, bundle, lambda: services(paths).start(Daemon.NODE))
        else:
            print("This is run by 'gnt-node add' on the master.", file=sys.stderr)  # noqa: T201 - for the user
            return EXIT_NODE_SETUP
    except GanetiError as error:
        print(explained(error), file=sys.stderr)  # noqa: T201 - ssh carries it to the master
        return EXIT_NODE_SETUP
    return 0
