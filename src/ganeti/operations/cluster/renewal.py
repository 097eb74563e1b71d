# SPDX-License-Identifier: BSD-2-Clause
"""Renewing the nodes' certificates, and the CA that signs them, without refusing a connection at any moment.

Each stage is complete on all nodes before the next begins, and after each of them everything works: first everybody
trusts the new certificates besides the old, then the new ones are used, then the old ones are no longer trusted. So a
renewal that stops anywhere, because a node does not answer or the master dies, has broken nothing, and can be repeated
from the beginning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ganeti.errors import ExecutionFailed, GanetiError
from ganeti.host.certificates import (
    Credentials,
    authority_of,
    create_authority,
    create_server_credentials,
    fingerprint,
    issued_by,
    sign_request,
)
from ganeti.jobs.context import RunContext
from ganeti.model.entity import evolve
from ganeti.model.node import Node
from ganeti.operations.cluster.facts import hand_out
from ganeti.rpc.call import Call
from ganeti.rpc.contract.keys import Application, RequestCertificate, TakeCertificate, TellAuthorities, TrustAuthorities
from ganeti.rpc.contract.node import SaveFiles

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Renewal:
    """``nodes``: those that take part, the master last.

    ``authority`` signs; ``trusted``: the CAs trusted so far (PEM).
    """

    cluster: RunContext
    nodes: list[Node]
    authority: Credentials
    trusted: tuple[str, ...]
    certificates: dict[str, str]  # the new certificates, by the names of nodes

    @classmethod
    async def begin(cls, cluster: RunContext, nodes: list[Node], *, new_authority: bool) -> Renewal:
        trusted = await cluster.call(nodes[-1], TellAuthorities())
        authority = create_authority(cluster.state.cluster.name) if new_authority else _present(cluster, trusted)
        return cls(cluster, nodes, authority, trusted, {})

    async def announce(self) -> None:
        """Announce to all nodes the new certificates; the old ones are still in use."""
        self.cluster.step("Having all nodes trust the new certificates besides the old ones")
        new = self.authority.certificate.decode()
        await self._have_trusted(new, *(one for one in self.trusted if one.strip() != new.strip()))
        applications = await self._everywhere(lambda _: RequestCertificate())
        await self.cluster.commit([self._announced(name, applications[name]) for name in applications])
        await self._tell_facts()

    async def equip_candidates(
        self, rapi_certificate: str | None, *, renew_rapi: bool, domain_secret: str | None
    ) -> None:
        """Give candidates the CA's new key, the remote API's certificate, and a new domain secret."""
        files = {"ca.key": self.authority.key.decode()}
        if rapi := rapi_certificate or self._new_rapi_certificate(needed=renew_rapi):
            self.cluster.step("Replacing the remote API's certificate")
            files["rapi.pem"] = rapi
        if domain_secret:
            self.cluster.step("Replacing the cluster domain secret")
            files["cluster-domain-secret"] = domain_secret
        await self._everywhere(lambda node: SaveFiles(files=files) if node.master_candidate else None)

    async def renew_spice(self, given: tuple[str, str] | None, *, needed: bool) -> None:
        """Replace the certificates of SPICE and its CA by those ``given``, or by new ones if due.

        Nodes that cannot be reached now get them later by themselves; running guests keep what they have.
        """
        state = self.cluster.state
        if given is None and self._is_due(state.cluster.spice_certificate.encode(), needed=needed):
            names = (state.cluster.name, *(node.name for node in state.nodes))
            made = create_server_credentials(self.authority, *names)
            given = made.decode(), self.authority.certificate.decode()
        if given is None:
            return
        self.cluster.step("Replacing the certificate of SPICE")
        certificate, authority = (pem.strip() for pem in given)
        await self.cluster.commit(
            [evolve(self.cluster.state.cluster, spice_certificate=certificate, spice_authority=authority)]
        )
        await hand_out(self.cluster, "the new certificate of SPICE")

    async def carry_out(self) -> None:
        """Have nodes use what was announced, and stop trusting what was before."""
        self.cluster.step("Having all nodes use the new certificates")
        await self._everywhere(lambda node: TakeCertificate(certificate=self.certificates[node.name]))
        self.cluster.step("Having all nodes refuse the old certificates")
        current = [self.cluster.state.get(Node, node.uuid) for node in self.nodes]
        await self.cluster.commit(
            [evolve(node, certificate=node.next_certificate, next_certificate="") for node in current]
        )
        await self._tell_facts()
        await self._have_trusted(self.authority.certificate.decode())

    def _announced(self, name: str, application: Application) -> Node:
        """The node with its present certificate, which may come from an earlier renewal, and its next one."""
        node = self.cluster.state.find(Node, name)
        if node.certificates and application.certificate not in node.certificates:
            raise _stopped(f"{name} has a certificate that is not on record, so it has to be added again")
        certificate = sign_request(self.authority, application.request.encode(), name)
        self.certificates[name] = certificate.decode()
        return evolve(node, certificate=application.certificate, next_certificate=fingerprint(certificate))

    def _new_rapi_certificate(self, *, needed: bool) -> str:
        """Empty if the present one can stay."""
        if not self._is_due(self.cluster.candidate_files.get("rapi.pem", "").encode(), needed=needed):
            return ""
        return create_server_credentials(self.authority, self.cluster.state.cluster.name).decode()

    def _is_due(self, present: bytes, *, needed: bool) -> bool:
        """Whether a certificate has to be replaced: on request, or because the CA that signed it is replaced."""
        return needed or (_is_ours(present, self.trusted) and not issued_by(present, [self.authority.certificate]))

    async def _have_trusted(self, *authorities: str) -> None:
        """The master comes last: a repeated renewal asks it whom nodes may trust."""
        call = TrustAuthorities(authorities=authorities)
        await self._everywhere(lambda _: call)

    async def _everywhere(self, call: Callable[[Node], Call[R] | None]) -> Mapping[str, R]:
        """The nodes' answers by name.

        Raises ExecutionFailed unless all succeed; the master is called after the others.
        """
        answers: dict[str, R] = {}
        *others, master = self.nodes
        for nodes in (others, [master]):
            calls: list[tuple[Node, Call[R]]] = [(node, wanted) for node in nodes if (wanted := call(node))]
            found = await self.cluster.call_each(calls)
            answers |= _complete(found)
        return answers

    async def _tell_facts(self) -> None:
        missed = await self.cluster.hand_out_facts()
        if missed:
            raise _stopped(f"{', '.join(missed)} did not take the cluster's facts")


async def remote_api_certificate(cluster: RunContext, names: Sequence[str]) -> str:
    """A new one with its key (PEM) for these names, signed by the cluster's CA; empty if it has one of another CA."""
    trusted = await cluster.call(cluster.state.master, TellAuthorities())
    if not _is_ours(cluster.candidate_files.get("rapi.pem", "").encode(), trusted):
        return ""
    return create_server_credentials(_present(cluster, trusted), *names).decode()


def _present(cluster: RunContext, trusted: Iterable[str]) -> Credentials:
    """The CA that signs at present, which is among the trusted ones."""
    key = cluster.candidate_files.get("ca.key", "")
    return authority_of(key.encode(), "".join(trusted).encode())


def _is_ours(certificate: bytes, trusted: Iterable[str]) -> bool:
    return bool(certificate) and issued_by(certificate, (one.encode() for one in trusted))


def _complete(answers: Mapping[str, R | GanetiError]) -> dict[str, R]:
    complete: dict[str, R] = {}
    failed = []
    for name, answer in answers.items():
        if isinstance(answer, GanetiError):
            failed.append(answer.message if name in answer.message else f"{name}: {answer.message}")
        else:
            complete[name] = answer
    if failed:
        raise _stopped("; ".join(failed))
    return complete


def _stopped(why: str) -> ExecutionFailed:
    return ExecutionFailed(
        f"The renewal has stopped: {why}. Everything goes on, with the old and the new certificates. Bring back what "
        "does not answer, or mark it offline ('gnt-node modify --offline yes'), then run 'gnt-cluster renew-crypto' "
        "again"
    )
