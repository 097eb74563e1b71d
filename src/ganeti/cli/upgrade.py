# SPDX-License-Identifier: BSD-2-Clause
"""``gnt-cluster upgrade``."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from ganeti.cli.options import PREVIEW
from ganeti.cli.runnable import Local
from ganeti.cli.session import Session
from ganeti.declare.command import Command, Option
from ganeti.errors import NotMaster, WrongInput

if TYPE_CHECKING:
    from ganeti.bootstrap.upgrade import Upgrade


def _upgrade(session: Session, values: dict[str, Any]) -> int:
    from ganeti.bootstrap.mastership import is_master  # noqa: PLC0415 - slow to import
    from ganeti.host.files import exclusive  # noqa: PLC0415
    from ganeti.host.versions import Versions  # noqa: PLC0415

    target, resume = values.get("to"), values.get("resume")
    if bool(target) == bool(resume):
        raise WrongInput("Give either --to with the version to go over to, or --resume")
    if not is_master(session.paths):
        session.client.close()  # which reports the reason more precisely
        raise NotMaster("This is not the master node; 'gnt-cluster getmaster' names it")
    upgrade = _prepare(session)
    if values.get("dry_run"):
        from ganeti.bootstrap.upgrade_preview import foreseen  # noqa: PLC0415

        session.tell(foreseen(upgrade, target))
        return 0
    with exclusive(session.paths.run / "upgrade.lock", "Another 'gnt-cluster upgrade' is at work"):
        if target:
            upgrade.begin(target)
        try:
            following = upgrade.go_on()
        except KeyboardInterrupt:
            if upgrade.intent is None:
                raise
            raise KeyboardInterrupt("Aborted; 'gnt-cluster upgrade --resume' goes on") from None
    if following:
        sys.stdout.flush()
        os.execv(Versions(session.paths).program(following[0]), following)  # noqa: S606 - of the version in use now
    return 0


def _prepare(session: Session) -> Upgrade:
    from ganeti.bootstrap.mastership import calling  # noqa: PLC0415 - slow to import
    from ganeti.bootstrap.upgrade import Upgrade  # noqa: PLC0415
    from ganeti.host.certificates import node_name  # noqa: PLC0415
    from ganeti.host.services import services  # noqa: PLC0415
    from ganeti.luxi.client import Client  # noqa: PLC0415
    from ganeti.rpc.authority import read_term  # noqa: PLC0415

    paths = session.paths
    own, term = node_name(paths.node_certificate.read_bytes()), read_term(paths.term)
    assert term is not None  # noqa: S101 - a master has one
    return Upgrade(
        paths,
        services(paths),
        partial(calling, paths, own, term.number),
        partial(Client, paths.master_socket),
        session.say,
        session.warn,
    )


UPGRADE = Local(
    Command(
        "gnt-cluster",
        "upgrade",
        options=(
            Option(("--to",), "The version to go over to, which must be installed on every node", metavar="VERSION"),
            Option(("--resume",), "Go on with an upgrade that was interrupted; without one, do nothing", kind="flag"),
            PREVIEW,
        ),
        usage="[--preview] {--to <version> | --resume}",
    ),
    "Go over to another version of the software on all nodes. Jobs are waited for; instances run on. The way back to "
    "an earlier version is the same.",
    _upgrade,
)
