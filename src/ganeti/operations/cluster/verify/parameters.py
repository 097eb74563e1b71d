# SPDX-License-Identifier: BSD-2-Clause
"""The parameters of all operations that verify."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from ganeti.declare.parameter import param
from ganeti.declare.types import MOST_KINDS
from ganeti.jobs.operation import JobOperation, P
from ganeti.operations.cluster.verify.findings import Code

Optional = Literal["nplusone_mem"]  # names of checks that can be skipped
SkipChecks = Annotated[list[Optional], Meta(max_length=MOST_KINDS), param("Optional checks to skip")]
Clutter = Annotated[
    bool,
    param(
        "Look for stray SSH keys in authorized_keys",
        "--verify-ssh-clutter",
        accepted="the keys there are the administrator's, the cluster writes none",
    ),
]


class Verifying(JobOperation[P], frozen=True, kw_only=True):
    """How findings are shown, and which of them are only warnings."""

    debug_simulate_errors: Annotated[
        bool, param("Simulate errors: report every check as failed", "--debug-simulate-errors")
    ] = False
    error_codes: Annotated[bool, param("Print machine-readable error codes", "--error-codes")] = False
    ignore_errors: Annotated[
        list[Code],
        Meta(max_length=MOST_KINDS),
        param("Error code to report as a warning", "-I", "--ignore-errors", metavar="CODE"),
    ] = []
    verbose: Annotated[bool, param("Print more details", "-v", "--verbose", accepted="every step is shown anyway")] = (
        False
    )
