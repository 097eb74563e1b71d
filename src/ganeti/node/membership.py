# SPDX-License-Identifier: BSD-2-Clause
"""What a node stores about its cluster: credentials, the term, facts, a candidate's files."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from ganeti.config.ssconf import CONFD_KEY, KNOWN_HOSTS, digest
from ganeti.errors import WrongInput, WrongState
from ganeti.host.certificates import Credentials, fingerprint
from ganeti.host.files import Stamp, TextFile, read_text, stamp, write_atomic
from ganeti.host.paths import Paths
from ganeti.rpc.authority import Term, read_term, write_term
from ganeti.rpc.contract.node import Obey, SaveFiles, WriteSsconf
from ganeti.rpc.server import Report

_log = logging.getLogger(__name__)

_KEY = re.compile(r"^[a-z0-9_-]+\Z")
_REVISION = "revision"
_WORLD_READABLE = 0o444
_SECRET = 0o600
_NO_TEXT = "\0"  # replaces the content of a file that is not text


class Bundle(Struct, frozen=True, kw_only=True):
    """What a node gets when it enters a cluster; certificates are PEM."""

    cluster_name: str
    ca: str
    certificate: str
    term: int
    master: str
    candidates: dict[str, tuple[str, ...]]  # fingerprints of the recorded certificates, by name


def belongs_to(paths: Paths) -> str | None:
    """The name of the cluster that this node belongs to."""
    member = paths.node_certificate.exists() and not paths.leaving.exists()
    return read_text(paths.ssconf("cluster_name")) if member else None


def is_known_by(paths: Paths, certificates: Collection[str]) -> bool:
    """Whether the node's own certificate has one of these fingerprints; True if there is nothing to compare."""
    pem = read_text(paths.node_certificate)
    return not certificates or pem is None or fingerprint(pem.encode()) in certificates


def ensure_free(paths: Paths) -> None:
    """Raise WrongState if the node belongs to a cluster."""
    finish_leaving(paths)
    name = belongs_to(paths)
    if name:
        raise WrongState(
            f"This node belongs to the cluster '{name}' already; remove it there with 'gnt-node remove', "
            f"or, if that cluster is gone, clear {paths.state}"
        )


def enter(paths: Paths, bundle: Bundle, key: bytes) -> None:
    """Store what makes this machine a node of a cluster."""
    write_atomic(paths.ca_certificate, bundle.ca)
    write_term(paths.term, Term(bundle.term, bundle.master))
    facts = {"cluster_name": bundle.cluster_name, "master_node": bundle.master}
    facts |= {"master_candidates": "\n".join(bundle.candidates), "master_candidates_certs": _pairs(bundle.candidates)}
    KeptFacts(paths).write(facts)
    # The certificate comes last: with it the node counts as a member.
    write_atomic(paths.node_certificate, Credentials(bundle.certificate.encode(), key).together)


def begin_leaving(paths: Paths) -> None:
    """From now on the node belongs to no cluster; if interrupted, ``finish_leaving`` removes the rest."""
    write_atomic(paths.leaving, "")


def leave(paths: Paths) -> None:
    """Remove everything about the cluster. Logs and the disks of guests stay."""
    begin_leaving(paths)
    # The certificate is removed last: without it the node daemon, which would finish this, is not started.
    for path in reversed(kept_files(paths)):
        path.unlink(missing_ok=True)
    with suppress(OSError):  # there may be someone else's file
        paths.rapi_users.parent.rmdir()
    paths.leaving.unlink()


def finish_leaving(paths: Paths) -> bool:
    """Finish leaving the cluster if that was interrupted; whether it was."""
    interrupted = paths.leaving.exists()
    if interrupted:
        leave(paths)
    return interrupted


def forget_candidacy(paths: Paths, place: tuple[int, int]) -> None:
    """Remove what only master candidates may have.

    The (term, revision) of the node's replica is kept: changes may have been acknowledged because it had them, so a
    candidate that is behind it must not become master with this node's vote.
    """
    note(paths, place)
    for path in of_candidates(paths):
        path.unlink(missing_ok=True)


def of_candidates(paths: Paths) -> list[Path]:
    """The existing files that only master candidates may have, the CA's key first.

    Files that another daemon derives from the state come after it.
    """
    single = (*_candidate_paths(paths).values(), paths.replica_term)
    state = (
        *sorted(paths.state.glob(f"{paths.store.name}*")),
        paths.config_data,
        paths.queue_drain,
        *paths.job_files(),
    )
    return [path for path in (*single, *state) if path.exists()]


def of_master(paths: Paths) -> list[Path]:
    """The watcher's files for scripts, and the progress of an upgrade, which are valid on the master only."""
    return [path for path in (paths.watcher_pause, paths.upgrade, *paths.instance_statuses()) if path.exists()]


def kept_files(paths: Paths) -> list[Path]:
    """All existing files about this node's cluster; the certificate, which decides membership, comes first."""
    keys = (paths.node_certificate, paths.node_key, paths.next_node_key)
    single = (*keys, paths.ca_certificate, paths.term, paths.noted, paths.master_starts, *_named_paths(paths).values())
    facts = [path for path in (*single, *paths.state.glob("ssconf_*")) if path.exists()]
    return facts + of_master(paths) + of_candidates(paths)


def private_files(paths: Paths) -> list[Path]:
    """All files that only root may read."""
    found = (path for path in sorted(paths.state.rglob("*")) if path.is_file())
    return [path for path in found if not path.name.startswith("ssconf_") and path != paths.known_hosts]


def candidates(paths: Paths) -> dict[str, tuple[str, ...]]:
    """The nodes that may become master, as last known here: certificate fingerprints by name."""
    names = (read_text(paths.ssconf("master_candidates")) or "").split()
    lines = (read_text(paths.ssconf("master_candidates_certs")) or "").split()
    known = [line.split("=", 1) for line in lines if "=" in line]
    return {name: tuple(certificate for of, certificate in known if of == name) for name in names}


class KnownCandidates:
    """``candidates``, cached for a node daemon, which needs them at every call: read again when changed."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._files = (paths.ssconf("master_candidates"), paths.ssconf("master_candidates_certs"))
        self._stamps: list[Stamp | None] | None = None
        self._known: Mapping[str, tuple[str, ...]] = {}

    def __call__(self) -> Mapping[str, tuple[str, ...]]:
        stamps = [stamp(path) for path in self._files]
        if stamps != self._stamps:
            self._known, self._stamps = candidates(self._paths), stamps
        return self._known


class KeptFacts:
    """The files with facts, for writing; those that are already correct are left alone."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._files: dict[str, TextFile] = {}

    @property
    def revision(self) -> tuple[int, int]:
        """(term, revision) of the state that they come from."""
        return _pair(self._read(_REVISION))

    def write(self, facts: Mapping[str, str]) -> list[Path]:
        """Write facts; returns the existing files whose content differed."""
        changed = []
        for key, value in facts.items():
            found, path = self._read(key), self._file(key).path
            if found != value.strip():
                secret = key in _named_paths(self._paths) and key != KNOWN_HOSTS
                write_atomic(path, f"{value}\n", mode=_SECRET if secret else _WORLD_READABLE)
                changed += [] if found is None else [path]
        return changed

    def remove_others(self, keys: Collection[str]) -> list[Path]:
        """Remove files of unknown facts, such as those of another version of the software; returns them."""
        strange = [path for path in self._paths.state.glob("ssconf_*") if path.name.removeprefix("ssconf_") not in keys]
        for path in strange:
            path.unlink(missing_ok=True)
        return strange

    def _read(self, key: str) -> str | None:
        try:
            return self._file(key).read()
        except WrongInput:
            return _NO_TEXT

    def _file(self, key: str) -> TextFile:
        if key not in self._files:
            self._files[key] = TextFile(_named_paths(self._paths).get(key) or self._paths.ssconf(key))
        return self._files[key]


def facts_digest(paths: Paths, others: Collection[str]) -> str:
    """Of the stored facts, and of these other files; see ``ganeti.config.ssconf.digest``."""
    files = {path.name.removeprefix("ssconf_"): path for path in paths.state.glob("ssconf_*")}
    files |= {name: path for name, path in _named_paths(paths).items() if name in others and path.exists()}
    values = {key: path.read_text(errors="replace").removesuffix("\n") for key, path in files.items()}
    values.pop(_REVISION, None)
    return digest(values)


def candidate_files(paths: Paths) -> dict[str, str]:
    """Files that every master candidate must have, by name; see ``save_files``."""
    return {name: text for name, path in _candidate_paths(paths).items() if (text := read_text(path)) is not None}


def note(paths: Paths, place: tuple[int, int]) -> None:
    """Remember a (term, revision) that a new master must not be behind."""
    if place > noted(paths):
        write_atomic(paths.noted, f"{place[0]} {place[1]}\n")


def noted(paths: Paths) -> tuple[int, int]:
    """(term, revision) that a new master must not be behind, as this node knows."""
    return _pair(read_text(paths.noted))


def _pair(text: str | None) -> tuple[int, int]:
    """Parse a term and a revision; without any, a pair lower than all others."""
    words = (text or "").split()
    if len(words) != 2 or not all(word.isascii() and word.isdigit() for word in words):
        return 0, 0
    return int(words[0]), int(words[1])


class Membership:
    """The calls that change what is stored."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._facts = KeptFacts(paths)

    async def obey(self, call: Obey, report: Report) -> None:
        """The answer itself means obedience; what must be remembered is on disk before."""
        del report
        note(self._paths, (self._term, call.noted))

    @property
    def _term(self) -> int:
        term = read_term(self._paths.term)
        return term.number if term else 0

    async def write_ssconf(self, call: WriteSsconf, report: Report) -> None:
        del report
        known, revision = self._facts.revision, (self._term, call.revision)
        wrong = [key for key in call.values if not _KEY.match(key) and key not in _named_paths(self._paths)]
        if wrong:
            raise WrongInput(f"'{wrong[0]}' is not the name of a file that every node has")
        if revision >= known:  # of two masters the newer one counts, whatever the revision of the other
            values = call.values | {_REVISION: f"{revision[0]} {revision[1]}"}
            changed = self._facts.write(values)
            for path in self._facts.remove_others(values):
                _log.warning("%s is not of the master's facts, and was removed", path)
            if revision == known:
                for path in changed:
                    _log.warning("%s was not what the master had written; it is written again", path)

    async def save_files(self, call: SaveFiles, report: Report) -> None:
        del report
        places = _candidate_paths(self._paths)
        unknown = sorted(call.files.keys() - places.keys())
        if unknown:
            raise WrongInput(f"'{unknown[0]}' is not a file of master candidates")
        for name, text in call.files.items():
            write_atomic(places[name], text + "\n")


def _candidate_paths(paths: Paths) -> dict[str, Path]:
    return {
        "ca.key": paths.ca_key,
        "rapi.pem": paths.rapi_certificate,
        "rapi/users": paths.rapi_users,
        "cluster-domain-secret": paths.domain_secret,
    }


def _named_paths(paths: Paths) -> dict[str, Path]:
    return {
        KNOWN_HOSTS: paths.known_hosts,
        CONFD_KEY: paths.confd_key,
        "spice.pem": paths.spice_certificate,
        "spice-ca.pem": paths.spice_authority,
    }


def _pairs(values: dict[str, tuple[str, ...]]) -> str:
    return "\n".join(f"{name}={value}" for name, several in values.items() for value in several)
