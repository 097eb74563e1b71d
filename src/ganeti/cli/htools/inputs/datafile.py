# SPDX-License-Identifier: BSD-2-Clause
"""``-t``: a file in the text format."""

from __future__ import annotations

from ganeti.cli.given_file import read_given_text
from ganeti.errors import WrongInput
from ganeti.placement.text import Parsed, parse


def load(path: str) -> Parsed:
    """Raises WrongInput with the file's name, and the line where it is wrong."""
    try:
        return parse(read_given_text(path))
    except OSError as error:
        raise WrongInput(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise WrongInput(f"{path}: this is no text") from None
    except WrongInput as error:
        raise WrongInput(f"{path}: {error.message}") from None
