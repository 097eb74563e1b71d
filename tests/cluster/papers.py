# SPDX-License-Identifier: BSD-2-Clause
"""The certificates of machines on paper: real files, which TLS would use as these do."""

from functools import cache

from ganeti.host.certificates import (
    authority_of,
    create_authority,
    create_node_credentials,
    fingerprint,
    issued_by,
    node_name,
    split,
)
from ganeti.rpc.memory import Paper
from ganeti.rpc.transport import Peer

AUTHORITY = create_authority("cluster")
credentials = cache(lambda name: create_node_credentials(AUTHORITY, name))
trusts = cache(issued_by)


def first_certificate(name):
    """The fingerprint of what a machine shows until that is renewed."""
    return fingerprint(credentials(name).certificate)


def equip(paths, name, *, candidate, by=None):
    """Give a machine a certificate of the cluster: the first that it has, or a new one ``by`` a candidate's paths.

    One that is still good stays.
    """
    if by and paths.node_certificate.exists():
        own = split(paths.node_certificate.read_bytes())
        if own and issued_by(own[0], split(by.ca_certificate.read_bytes())):
            return
    authority = authority_of(by.ca_key.read_bytes(), by.ca_certificate.read_bytes()) if by else AUTHORITY
    own = create_node_credentials(authority, name) if by else credentials(name)
    trusted = by.ca_certificate.read_bytes() if by else AUTHORITY.certificate
    made = {paths.node_certificate: own.together, paths.ca_certificate: trusted}
    for path, content in (made | ({paths.ca_key: authority.key} if candidate else {})).items():
        path.touch(0o600)
        path.write_bytes(content)


class FilePapers:
    """As daemons do: what is in the files now, and what was there last if that is not to be used."""

    def __init__(self, paths):
        self._paths = paths
        self._seen = None
        self._files = (paths.node_certificate, paths.ca_certificate)
        self.certificate, self.authorities, self._peer = b"", (), None

    def shown(self):
        self._look()
        return self._peer

    def believes(self, other):
        self._look()
        return isinstance(other, Paper) or trusts(other.certificate, self.authorities)

    def _look(self):
        seen = [(file.stat().st_ino, file.stat().st_mtime_ns) for file in self._files if file.exists()]
        if seen == self._seen or len(seen) < len(self._files):
            return
        self._seen = seen
        certificate, authorities = (file.read_bytes() for file in self._files)
        self.authorities = tuple(split(authorities)) or self.authorities
        if b"PRIVATE KEY" in certificate:
            self.certificate = split(certificate)[0]
            self._peer = Peer(node_name(self.certificate), fingerprint(self.certificate))
