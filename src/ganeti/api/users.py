# SPDX-License-Identifier: BSD-2-Clause
"""Who may use the remote API, from the file ``/var/lib/ganeti/rapi/users`` (ganeti-rapi(8)).

A line holds a name, a password and what the user may: ``jack secret write``. The password is plain
(``{cleartext}secret`` or just ``secret``) or hashed: ``{HA1}`` and the MD5 of ``name:realm:password``.
Permissions are "read", "write", or the roles of ``ganeti.declare.operation.Role``.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from pathlib import Path

from ganeti.declare.operation import Role
from ganeti.errors import EnvironmentUnfit

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

    def accepts(self, password: str) -> bool:
        """Whether it is the password, found out in a time that does not depend on it."""
        if self.password.upper().startswith(_HASHED):
            digest = hashlib.md5(f"{self.name}:{REALM}:{password}".encode()).hexdigest()  # noqa: S324 - the format's
            return hmac.compare_digest(digest, self.password[len(_HASHED) :].lower())
        plain = self.password[len(_PLAIN) :] if self.password.lower().startswith(_PLAIN) else self.password
        return hmac.compare_digest(plain.encode(), password.encode())


class Users:
    """The file's users; it is read again when it changes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._users: dict[str, User] = {}

    def find(self, name: str, password: str) -> User | None:
        """The user, if the password is right."""
        self._refresh()
        user = self._users.get(name)
        return user if user and user.accepts(password) else None

    def _refresh(self) -> None:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            self._users, self._stamp = {}, None
            return
        stamp = (status.st_mtime_ns, status.st_size)
        if stamp != self._stamp:
            self._users = parse(self._path.read_text())
            self._stamp = stamp


def parse(text: str) -> dict[str, User]:
    """The users of a file's text. Raises EnvironmentUnfit, naming the line."""
    users = {}
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) not in (2, 3):
            raise EnvironmentUnfit(f"Line {number} of the users' file is not 'name password [permissions]'")
        name, password, *grants = words
        users[name] = User(name, password, _roles(grants[0] if grants else "read", number))
    return users


def _roles(grants: str, number: int) -> frozenset[Role]:
    roles: set[Role] = set()
    for grant in grants.split(","):
        if grant not in _GRANTS:
            known = ", ".join(_GRANTS)
            raise EnvironmentUnfit(
                f"Line {number} of the users' file: '{grant}' is not a permission; choose from {known}"
            )
        roles |= _GRANTS[grant]
    return frozenset(roles)
