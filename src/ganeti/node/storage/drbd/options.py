# SPDX-License-Identifier: BSD-2-Clause
"""The parameters of a mirrored disk as options of drbdsetup(8)."""

from __future__ import annotations

import shlex

from ganeti.errors import WrongInput
from ganeti.model.parameters.disk import DrbdParameters

_BARRIERS = {"b": "--disk-barrier=no", "f": "--disk-flushes=no", "d": "--disk-drain=no"}
# A copy that is in doubt since it was disconnected is not valid by itself (see "fencing" in drbd.conf(5)); a failed one
# is detached, while the other node's serves the guest.
_DISK = ("--on-io-error=detach", "--fencing=resource-only")
# Two copies that both were written to stay disconnected. If only one was, nothing is lost by synchronising from it.
_SPLIT_BRAIN = ("--after-sb-0pri=discard-zero-changes", "--after-sb-1pri=consensus")


def disk_options(wanted: DrbdParameters) -> tuple[str, ...]:
    """Options of "attach". What is not disabled keeps DRBD's default: flushes on, barriers off since 8.4.2."""
    barriers = [option for letter, option in _BARRIERS.items() if letter in wanted.disk_barriers]
    metadata = ["--md-flushes=no"] if wanted.meta_barriers else []
    return (*_DISK, *barriers, *metadata, *_resync(wanted), *_words("disk-custom", wanted.disk_custom))


def net_options(wanted: DrbdParameters, secret: str, *, two_primaries: bool) -> tuple[str, ...]:
    """Options of "connect"."""
    return (
        f"--protocol={wanted.protocol}",
        "--cram-hmac-alg=sha256",
        f"--shared-secret={secret}",
        *_SPLIT_BRAIN,
        *_words("net-custom", wanted.net_custom),
        two_primaries_option(allowed=two_primaries),
    )


def two_primaries_option(*, allowed: bool) -> str:
    return f"--allow-two-primaries={'yes' if allowed else 'no'}"


def _resync(wanted: DrbdParameters) -> tuple[str, ...]:
    if not wanted.dynamic_resync:
        return f"--resync-rate={wanted.resync_rate}", "--c-plan-ahead=0"
    return (
        f"--c-plan-ahead={wanted.c_plan_ahead}",
        f"--c-fill-target={wanted.c_fill_target}",
        f"--c-delay-target={wanted.c_delay_target}",
        f"--c-max-rate={wanted.c_max_rate}",
        f"--c-min-rate={wanted.c_min_rate}",
    )


def _words(name: str, text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise WrongInput(f"Disk parameter '{name}': '{text}' cannot be split into words: {error}") from None
