# SPDX-License-Identifier: BSD-2-Clause
"""``gnt-cluster watcher``: pausing the watcher."""

from __future__ import annotations

import time
from typing import Any

from ganeti.cli.runnable import Local
from ganeti.cli.session import Session
from ganeti.declare.command import Argument, Command
from ganeti.declare.text import parse_age
from ganeti.errors import WrongInput
from ganeti.luxi.protocol import Method

_WORDS = ("pause", "continue", "info")


def _watcher(session: Session, values: dict[str, Any]) -> int:
    what, duration = values["what"], values.get("duration", "")
    if what != "pause" and duration:
        raise WrongInput(f"'{what}' takes no duration")
    if what == "pause":
        if not duration:
            raise WrongInput("For how long? Give a duration such as 30m, 1h or 4h, or a number of seconds")
        until = time.time() + parse_age(duration, "duration")
        session.say(paused_until(session.client.call(Method.SET_WATCHER_PAUSE, until)))
    elif what == "continue":
        session.client.call(Method.SET_WATCHER_PAUSE, None)
        session.say("The watcher is no longer paused.")
    else:
        (until,) = session.client.call(Method.QUERY_CONFIG_VALUES, ["watcher_pause"])
        session.say("The watcher is not paused." if until is None else paused_until(until))
    return 0


def paused_until(until: float) -> str:
    return f"The watcher is paused until {time.strftime('%a %d %b %Y %H:%M:%S %Z', time.localtime(until))}."


WATCHER = Local(
    Command(
        "gnt-cluster",
        "watcher",
        (
            Argument("what", "pause, continue or info", choices=_WORDS),
            Argument("duration", "For how long: 30m, 1h, 4h, or seconds", count="?"),
        ),
        usage="{pause <duration> | continue | info}",
    ),
    "Pause or resume the watcher, which starts instances that are down and should be up; or show whether it is paused.",
    _watcher,
)
