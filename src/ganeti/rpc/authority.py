# SPDX-License-Identifier: BSD-2-Clause
"""Whom a node obeys.

Every master has a term, a number that rises with each change of master. A node remembers the newest term
it has heard of and its master, and refuses all others: a master that was cut off and comes back can do no harm. A newer
term is accepted from a master candidate only. A candidate is identified by its certificate: another certificate with
its name is refused, even if the cluster's CA has signed it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from ganeti.errors import EnvironmentUnfit, NodeRefused, RivalTerm, StaleTerm
from ganeti.host.files import write_atomic
from ganeti.rpc.transport import Peer


class Term(Struct, frozen=True, omit_defaults=True):
    """A master and its number.

    ``vouched``: names of nodes that the administrator declared off when it took over without a vote.
    """

    number: int
    master: str
    vouched: tuple[str, ...] = ()


class Authority:
    """Authorises callers by their certificate, and remembers the term.

    ``candidates`` are the nodes that may become master, as last known here: by name the fingerprints of the
    recorded certificates, two during a renewal; without any, every certificate with that name is accepted. ``replaced``
    is called with the old term whenever a newer one is accepted.
    """

    def __init__(
        self,
        path: Path,
        candidates: Callable[[], Mapping[str, Collection[str]]],
        replaced: Callable[[Term], None] = lambda _: None,
    ) -> None:
        self._path = path
        self._candidates = candidates
        self._replaced = replaced
        self._term = read_term(path)

    @property
    def term(self) -> Term | None:
        return self._term

    def admit(self, peer: Peer, caller: str, number: int) -> None:
        """Let a call through, or raise NodeRefused, RivalTerm or StaleTerm.

        ``caller`` and ``number`` are those in the request.
        """
        known = self._identified(peer, caller)
        if number < known.number:
            raise StaleTerm(
                f"'{caller}' is not the master any more (its term is {number}); "
                f"'{known.master}' is, since term {known.number}"
            )
        if number > known.number:
            self._ensure_candidate(caller)
            newer = Term(number, caller)
            write_term(self._path, newer)
            self._term = newer  # only now: a term must be stored before it is obeyed
            self._replaced(known)
        elif caller != known.master:
            raise RivalTerm(f"'{caller}' is not the master; '{known.master}' is, in term {known.number}")

    def leave(self) -> None:
        """The node has left its cluster: it no longer obeys anybody, though the daemon still runs."""
        self._term = None

    def may_be_master(self, peer: Peer) -> bool:
        """Whether a caller is the master, or could become it."""
        known = self._candidates()
        named = peer.name in known or (self._term is not None and peer.name == self._term.master)
        return named and _on_record(known, peer)

    def admit_candidate(self, peer: Peer, caller: str) -> None:
        """Let a call through that does not claim mastership, or raise NodeRefused."""
        self._identified(peer, caller)
        self._ensure_candidate(caller)

    def _identified(self, peer: Peer, caller: str) -> Term:
        if peer.name != caller:
            raise NodeRefused(f"The caller says it is '{caller}', its certificate says '{peer.name}'")
        if self._term is None:
            raise NodeRefused("This node does not belong to a cluster")
        if not _on_record(self._candidates(), peer):
            raise NodeRefused(
                f"The certificate of '{caller}' is not the one on record; if it was renewed while this node was off, "
                "renew this node's too ('gnt-node add --readd')"
            )
        return self._term

    def _ensure_candidate(self, caller: str) -> None:
        if caller not in self._candidates():
            raise NodeRefused(
                f"'{caller}' cannot be master: it is not a master candidate, as far as this node knows; if it has "
                "become one while this node was silent, 'gnt-node add --readd' of this node lets it know"
            )


def _on_record(known: Mapping[str, Collection[str]], peer: Peer) -> bool:
    certificates = known.get(peer.name, ())
    return not certificates or peer.certificate in certificates


def read_term(path: Path) -> Term | None:
    """The term that a node knows. Raises EnvironmentUnfit if the file is damaged."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Term)
    except FileNotFoundError:
        return None
    except (msgspec.ValidationError, msgspec.DecodeError):
        raise EnvironmentUnfit(f"The file {path} is damaged; copy it from another node") from None


def write_term(path: Path, term: Term) -> None:
    write_atomic(path, msgspec.json.encode(term))
