# SPDX-License-Identifier: BSD-2-Clause
"""The users of the remote API, from the file ``/var/lib/ganeti/rapi/users`` (ganeti-rapi(8)).

A line holds a name, a password and permissions: ``jack secret write``. The password is plain
(``{cleartext}secret`` or just ``secret``) or hashed: ``{HA1}`` and the MD5 of ``name:realm:password``.
Permissions are "read", "write", or the roles of ``ganeti.declare.operation.Role``.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
from dataclasses import dataclass
from pathlib import Path

from ganeti.declare.role import Role
from ganeti.errors import WrongInput
from ganeti.host.files import Stamp, stamp
from ganeti.model.caller import Caller

_log = logging.getLogger(__name__)

REALM = "Ganeti Remote API"
_HASHED = "{HA1}"
_PLAIN = "{cleartext}"
_GRANTS = {
    "read": {Role.READ},
    "operate": {Role.READ, Role.OPERATE},
    "admin": set(Role),
    "write": set(Role),
}


@dataclass(frozen=True, slots=True)
class User:
    """``password`` as in the file."""

    name: str
    password: str
    roles: frozenset[Role]

    @property
    def caller(self) -> Caller:
        """The user as recorded in jobs."""
        return Caller(self.name, self.roles)

    def accepts(self, password: str) -> bool:
        """Whether the password is right; a constant-time comparison."""
        if self.password.upper().startswith(_HASHED):
            digest = hashlib.md5(f"{self.name}:{REALM}:{password}".encode()).hexdigest()  # noqa: S324 - the format's
            return hmac.compare_digest(digest.encode(), self.password[len(_HASHED) :].lower().encode())
        plain = self.password[len(_PLAIN) :] if self.password.lower().startswith(_PLAIN) else self.password
        return bool(plain) and hmac.compare_digest(plain.encode(), password.encode())


# Checked in place of a missing user, so that both take the same time.
_NOBODY = User("nobody", _HASHED, frozenset())


class Users:
    """The file's users; it is read again when it changes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: Stamp | None = None
        self._users: dict[str, User] = {}

    def find(self, name: str, password: str) -> User | None:
        """The user, if the password is right."""
        self._refresh()
        user = self._users.get(name, _NOBODY)
        return user if user.accepts(password) and user is not _NOBODY else None

    def _refresh(self) -> None:
        """If the file cannot be read, nobody has access; an invalid line is logged, and the others count."""
        try:
            found = stamp(self._path)
            if found == self._stamp:
                return
            self._users, wrong = parse(self._path.read_bytes())
            self._stamp = found
        except OSError as error:
            if self._stamp is not None or not isinstance(error, FileNotFoundError):
                _log.warning("The users' file %s cannot be read: %s", self._path, error.strerror)
            self._users, self._stamp = {}, None
            return
        for told in wrong:
            _log.warning("%s: %s; the line does not count", self._path, told)


def parse(content: bytes) -> tuple[dict[str, User], list[str]]:
    """The users of a file's content, by name, and what is wrong with which line."""
    users, wrong = {}, []
    for number, line in enumerate(content.splitlines(), 1):
        try:
            user = _user(line.decode())
        except UnicodeDecodeError:
            wrong.append(f"Line {number} is not UTF-8 text")
        except WrongInput as error:
            wrong.append(f"Line {number} {error.message}")
        else:
            if user:
                users[user.name] = user
    return users, wrong


def _user(line: str) -> User | None:
    """Raises WrongInput, without the line's content: it may hold a password."""
    words = line.split()
    if not words or words[0].startswith("#"):
        return None
    if len(words) not in (2, 3):
        raise WrongInput("is not 'name password [permissions]'")
    name, password, *grants = words
    return User(name, password, _roles(grants[0] if grants else "read"))


def _roles(grants: str) -> frozenset[Role]:
    unknown = sorted(set(grants.split(",")) - _GRANTS.keys())
    if unknown:
        raise WrongInput(f"grants an unknown permission; choose from {', '.join(_GRANTS)}")
    return frozenset[Role]().union(*(_GRANTS[grant] for grant in grants.split(",")))
