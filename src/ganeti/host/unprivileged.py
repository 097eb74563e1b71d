# SPDX-License-Identifier: BSD-2-Clause
"""Giving up what root may do, but for listening at ports below 1024 (capabilities(7))."""

from __future__ import annotations

import ctypes
import os
import pwd

from ganeti.errors import EnvironmentUnfit

# As Ganeti calls the user of its metadata daemon; where nobody has made it, the system's user without any rights.
_USERS = ("gnt-metad", "nobody")

_NET_BIND_SERVICE = 10  # CAP_NET_BIND_SERVICE
_VERSION = 0x20080522  # _LINUX_CAPABILITY_VERSION_3: two parts of 32 capabilities each
_KEEP_CAPABILITIES = 8  # PR_SET_KEEPCAPS
_NO_NEW_PRIVILEGES = 38  # PR_SET_NO_NEW_PRIVS


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Part(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def metadata_user() -> pwd.struct_passwd:
    """Whom the metadata daemon runs as, and who owns what it reads. Raises EnvironmentUnfit."""
    for name in _USERS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise EnvironmentUnfit(f"There is no user '{_USERS[0]}'; 'useradd --system {_USERS[0]}' makes it")


def become(user: pwd.struct_passwd) -> None:
    """Be this user from now on, for good. To be done before there is a second thread. Raises EnvironmentUnfit."""
    libc = ctypes.CDLL(None, use_errno=True)
    _done(libc.prctl(_KEEP_CAPABILITIES, 1, 0, 0, 0))
    os.setgroups([])
    os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
    os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
    kept = 1 << _NET_BIND_SERVICE
    parts = (_Part * 2)(_Part(kept, kept, 0), _Part(0, 0, 0))
    _done(libc.capset(ctypes.byref(_Header(_VERSION, 0)), ctypes.byref(parts)))
    _done(libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0))


def _done(status: int) -> None:
    if status:
        raise EnvironmentUnfit(f"The rights of root cannot be given up: {os.strerror(ctypes.get_errno())}")
