# SPDX-License-Identifier: BSD-2-Clause
"""What the master asks of a node when an instance moves to another cluster, or comes from one.

The nodes of two clusters trust nothing of one another but a certificate at each end, made for one move. Disks are
copied as between nodes of one cluster (``copying.py``), with a ``Crossing``.
"""

from __future__ import annotations

from ganeti.rpc.call import Call
from ganeti.rpc.contract.copying import COPYING, KeyName


class MakeMoveKey(Call[str], frozen=True, tag="moving.make-key"):
    """Make a key under the name ``key``, and a certificate for ``name`` that is valid for ``seconds``; returns this.

    A key that exists under the name is used. Keys whose certificates are no longer valid are removed. Raises
    InsufficientResources if there are too many.
    """

    key: KeyName
    name: str
    seconds: int


class EndMove(Call[None], frozen=True, tag="moving.end"):
    """Wait for none of these disks (UUIDs) any more, and remove the key of this name, if it is there."""

    key: KeyName
    disks: tuple[str, ...] = ()


class AwaitArrival(Call[None], frozen=True, tag="moving.await"):
    """Returns when all of a disk (UUID) has come from another cluster; raises ExecutionFailed if it will not."""

    disk: str
    patience = COPYING


class ConfirmArrival(Call[bool], frozen=True, tag="moving.confirm"):
    """Tell the other cluster that a disk (UUID) has arrived; whether it is known that it has heard this."""

    disk: str
    patience = 120.0
