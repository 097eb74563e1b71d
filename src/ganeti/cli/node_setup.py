# SPDX-License-Identifier: BSD-2-Clause
"""``ganeti-node-setup``: what the master runs over ssh on a machine that becomes a node."""

from __future__ import annotations

import sys
from typing import TypeVar

import msgspec

from ganeti.bootstrap.join.over_ssh import Wanted, accept, prepare
from ganeti.bootstrap.join.switch import Switch
from ganeti.errors import EXIT_NODE_SETUP, GanetiError, WrongInput
from ganeti.host.paths import Paths
from ganeti.host.services import services
from ganeti.node.equipment import running_guests
from ganeti.node.membership import Bundle

T = TypeVar("T")


def main() -> int:
    """``prepare`` reads a ``Wanted`` and prints a certificate request; ``accept`` reads a bundle.

    ``complete`` and ``undo`` end what ``accept`` began.
    """
    words, paths = sys.argv[1:], Paths.from_environment()
    switch = Switch(paths, services(paths))
    try:
        match words:
            case ["prepare"]:
                prepared = prepare(paths, switch, _read(Wanted), lambda: running_guests(paths))
                sys.stdout.buffer.write(msgspec.json.encode(prepared))
            case ["accept"]:
                accept(paths, switch, _read(Bundle))
            case ["complete"]:
                switch.complete()
            case ["undo"]:
                switch.undo()
            case _:
                print("This is run by 'gnt-node add' on the master.", file=sys.stderr)  # noqa: T201 - for the user
                return EXIT_NODE_SETUP
    except GanetiError as error:
        # Without the master's prefix, which the command there adds itself.
        print(error.message, file=sys.stderr)  # noqa: T201 - ssh carries it to the master
        return EXIT_NODE_SETUP
    return 0


def _read(cls: type[T]) -> T:
    try:
        return msgspec.json.decode(sys.stdin.buffer.read(), type=cls)
    except msgspec.MsgspecError as error:
        raise WrongInput(f"What the master sent cannot be read: {error}; do both run the same version?") from None
