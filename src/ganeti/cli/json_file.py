# SPDX-License-Identifier: BSD-2-Clause
"""JSON files as arguments of commands."""

from __future__ import annotations

import json
from typing import Any

from ganeti.cli.given_file import read_given_text
from ganeti.errors import WrongInput


def read_objects(name: str, of_what: str) -> list[dict[str, Any]]:
    """The list of objects in a file, or on standard input; ``of_what``: each is for one. Raises WrongInput."""
    try:
        found = json.loads(read_given_text(name))
    except OSError as error:
        raise WrongInput(f"The file {name} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise WrongInput(f"The file {name} is not JSON: {error}") from None
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise WrongInput(f"The file {name} must hold a list of objects, one for each {of_what}")
    return found
