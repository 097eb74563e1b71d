# SPDX-License-Identifier: BSD-2-Clause
"""Error messages of the operating system and TLS, without Python's additions."""

from __future__ import annotations

import os


def reason(error: Exception) -> str:
    """``Connection refused``, ``/etc/motd: Permission denied``, ``TLS: unknown ca``."""
    import ssl  # noqa: PLC0415 - slow to import, needed for an error only

    if isinstance(error, ssl.SSLCertVerificationError):
        return getattr(error, "verify_message", "") or str(error.args[-1])  # no message of OpenSSL if we raised it
    if isinstance(error, ssl.SSLError):
        return f"TLS: {(error.reason or 'it failed').replace('_', ' ').lower()}"
    if isinstance(error, OSError) and error.errno:
        return _of_the_system(error)
    return str(error) or type(error).__name__


def _of_the_system(error: OSError) -> str:
    """Resolver errors have negative numbers, and their own messages."""
    number = error.errno or 0
    told = os.strerror(number) if number > 0 else str(error.strerror)
    return f"{error.filename}: {told}" if error.filename else told
