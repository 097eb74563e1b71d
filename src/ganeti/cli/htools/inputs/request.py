# SPDX-License-Identifier: BSD-2-Clause
"""``-I``: the cluster in an iallocator request."""

from __future__ import annotations

from pathlib import Path

from ganeti.errors import WrongInput
from ganeti.placement.allocator.message import read_message
from ganeti.placement.text import Parsed


def load(path: str) -> Parsed:
    """Raises WrongInput with the file's name and the entry that is wrong."""
    try:
        return Parsed(read_message(Path(path).read_bytes()).snapshot, ())
    except OSError as error:
        raise WrongInput(f"{path}: {error.strerror}") from None
    except WrongInput as error:
        raise WrongInput(f"{path}: {error.message}") from None
