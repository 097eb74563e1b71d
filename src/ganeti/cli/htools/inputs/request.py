# SPDX-License-Identifier: BSD-2-Clause
"""``-I``: the cluster in an iallocator request."""

from __future__ import annotations

from ganeti.cli.given_file import read_given
from ganeti.errors import WrongInput
from ganeti.placement.allocator.message import STATIC_KVM_NODE_MEMORY, read_message
from ganeti.placement.text import Parsed


def load(path: str, node_memory: int | None) -> Parsed:
    """``node_memory``: what nodes with KVM use themselves (MiB; None: the default). Raises WrongInput."""
    try:
        data = read_given(path)
    except OSError as error:
        raise WrongInput(f"{path}: {error.strerror}") from None
    static = STATIC_KVM_NODE_MEMORY if node_memory is None else node_memory
    try:
        return Parsed(read_message(data, static).snapshot, ())
    except WrongInput as error:
        raise WrongInput(f"{path}: {error.message}") from None
