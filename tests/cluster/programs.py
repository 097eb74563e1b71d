# SPDX-License-Identifier: BSD-2-Clause
"""Programs that machines on paper have where real ones have them."""


def with_program(paths, program):
    """It is there and executable; what runs it does not look into it."""
    place = paths.under(program)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("#!/bin/sh\n")
    place.chmod(0o755)
    return place
