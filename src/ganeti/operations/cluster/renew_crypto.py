# SPDX-License-Identifier: BSD-2-Clause
"""Renew the cluster's keys and certificates."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta

from ganeti.declare.command import Command, Option
from ganeti.declare.parameter import param
from ganeti.declare.problems import Problems
from ganeti.declare.types import Positive, form
from ganeti.errors import GanetiError, WrongInput, WrongState
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.lockset import LockSet, all_exclusive, exclusive
from ganeti.jobs.operation import JobOperation
from ganeti.model.cluster import CONFD_KEY_BYTES
from ganeti.model.entity import evolve
from ganeti.model.kind import Kind
from ganeti.model.node import Node
from ganeti.model.state import State
from ganeti.operations.cluster.facts import hand_out
from ganeti.rpc.contract.node import Ping

_LONGEST_PEM = 65536  # characters, for a certificate with its chain and key
_NO_SSH_KEYS = "the SSH keys of nodes, which are the administrator's: daemons use none"


_Pem = Annotated[str, Meta(max_length=_LONGEST_PEM)]
_Secret = Annotated[str, form(r"\S[^\n]{6,1022}\S", "one line of 8 to 1024 characters", longest=1024)]
_SECRET_BYTES = 32

# Options that name a file, and its content.
_FILES = {
    "rapi_certificate": "the remote API's certificate, its chain and its key (PEM)",
    "spice_certificate": "the certificate of SPICE, its chain and its key (PEM)",
    "spice_ca_certificate": "the certificate of the authority of that (PEM)",
    "cluster_domain_secret": "the cluster domain secret",
}


def _parameters(values: Mapping[str, Any]) -> dict[str, Any]:
    texts = {name: "\n".join(lines).strip() for name in _FILES if (lines := values.get(name)) is not None}
    return {**values, **texts}


class ClusterRenewCrypto(JobOperation[list[Node]], frozen=True, kw_only=True, tag="OP_CLUSTER_RENEW_CRYPTO"):
    """Renew keys and certificates of the cluster while it runs. All nodes that are not marked offline must answer."""

    commands: ClassVar[tuple[Command, ...]] = (
        Command(
            "gnt-cluster",
            "renew-crypto",
            options=tuple(
                Option(
                    (f"--{name.replace('_', '-')}",),
                    f"File with {content}",
                    kind="lines",
                    metavar="FILE",
                    completes="file",
                )
                for name, content in _FILES.items()
            ),
            compose=_parameters,
            question=(
                "This renews keys and certificates of the cluster. With new certificates of nodes, those that are "
                "marked offline have to be added again afterwards. Continue?"
            ),
        ),
    )

    node_certificates: Annotated[
        bool, param("Renew the keys and certificates of all nodes", "--new-node-certificates")
    ] = False
    cluster_certificate: Annotated[
        bool,
        param(
            "Renew the key of the cluster's certificate authority, and all that is signed with it: the nodes' "
            "certificates, and the remote API's unless it is of another authority",
            "--new-cluster-certificate",
        ),
    ] = False
    new_rapi_certificate: Annotated[
        bool, param("Renew the key and certificate of the remote API", "--new-rapi-certificate")
    ] = False
    rapi_certificate: Annotated[
        _Pem | None, param("Certificate of the remote API with its chain and key (PEM)", secret=True)
    ] = None
    verbose: Annotated[
        bool, param("Print more details", "-v", "--verbose", accepted="all there is to say is printed")
    ] = False
    debug: Annotated[bool, param("Print even more details", accepted="all there is to say is printed")] = False
    renew_ssh_keys: Annotated[
        bool, param("Renew the SSH keys of nodes", "--new-ssh-keys", unsupported=_NO_SSH_KEYS)
    ] = False
    ssh_key_check: Annotated[
        bool,
        param(
            "Check the SSH host keys of nodes",
            "--no-ssh-key-check",
            off="Skip the check of SSH host keys",
            accepted="nodes are not reached over SSH",
        ),
    ] = True
    ssh_key_type: Annotated[
        Literal["dsa", "rsa", "ecdsa"] | None, param("Type of SSH keys", "--ssh-key-type", unsupported=_NO_SSH_KEYS)
    ] = None
    ssh_key_bits: Annotated[
        Positive | None, param("Length of SSH keys", "--ssh-key-bits", unsupported=_NO_SSH_KEYS)
    ] = None
    new_confd_hmac_key: Annotated[
        bool, param("Renew the key that queries to ganeti-confd are signed with", "--new-confd-hmac-key")
    ] = False
    new_spice_certificate: Annotated[
        bool,
        param(
            "Renew the key and certificate of the guests' SPICE consoles, signed by the cluster's authority",
            "--new-spice-certificate",
        ),
    ] = False
    spice_certificate: Annotated[
        _Pem | None, param("Certificate of SPICE with its chain and key (PEM)", secret=True)
    ] = None
    spice_ca_certificate: Annotated[_Pem | None, param("Certificate of the authority of that (PEM)")] = None
    new_cluster_domain_secret: Annotated[
        bool,
        param("Renew the secret that clusters have in common which exchange instances", "--new-cluster-domain-secret"),
    ] = False
    cluster_domain_secret: Annotated[_Secret | None, param("Cluster domain secret", secret=True)] = None

    def locks(self, state: State) -> LockSet:
        """No nodes are added or removed meanwhile, and none changes its role; instances are not affected."""
        del state
        recorded = self.of_spice or self.new_confd_hmac_key
        return all_exclusive(Kind.CLUSTER) if recorded else exclusive(Kind.CLUSTER, "candidates")

    async def check(self, cluster: CheckContext) -> list[Node]:
        """The nodes that take part, the master last."""
        if not (self.of_nodes or self.of_candidates or self.of_spice or self.new_confd_hmac_key):
            raise WrongInput(
                "Nothing to renew; give at least one of --new-cluster-certificate, --new-node-certificates, "
                "--new-rapi-certificate, --rapi-certificate, --new-spice-certificate, --spice-certificate, "
                "--new-cluster-domain-secret, --cluster-domain-secret, --new-confd-hmac-key"
            )
        self._ensure_usable(datetime.datetime.fromtimestamp(cluster.now, datetime.UTC))
        master = cluster.state.master
        nodes = [node for node in cluster.state.online_nodes if self._takes_part(node) and node != master]
        nodes.append(master)
        answers = await cluster.call_all(nodes, Ping())
        silent = [f"{name} ({why.message})" for name, why in answers.items() if isinstance(why, GanetiError)]
        if silent:
            raise WrongState(
                f"Nothing is renewed as long as nodes do not answer: {'; '.join(silent)}. Bring them back, or mark "
                "them offline ('gnt-node modify --offline yes') and add them again later ('gnt-node add --readd')"
            )
        return nodes

    async def run(self, cluster: RunContext, plan: list[Node]) -> None:
        if self.new_confd_hmac_key:
            await _renew_confd_key(cluster)
        if not (self.of_nodes or self.of_candidates or self.of_spice):
            return
        from ganeti.operations.cluster.renewal import Renewal  # noqa: PLC0415 - cryptography is slow to import

        renewal = await Renewal.begin(cluster, plan, new_authority=self.cluster_certificate)
        if self.of_nodes:
            await renewal.announce()
        if self.of_nodes or self.of_candidates:
            secret = cluster.random.octets(_SECRET_BYTES).hex() if self.new_cluster_domain_secret else None
            await renewal.equip_candidates(
                self.rapi_certificate,
                renew_rapi=self.new_rapi_certificate,
                domain_secret=secret or self.cluster_domain_secret,
            )
        if self.of_spice:
            certificate, authority = self.spice_certificate, self.spice_ca_certificate
            given = (certificate, authority) if certificate and authority else None
            await renewal.renew_spice(given, needed=self.new_spice_certificate)
        if self.of_nodes:
            await renewal.carry_out()
            _tell_what_remains(cluster)

    async def recover(self, cluster: RunContext) -> None:
        """Nothing has to be undone: old and new certificates work side by side."""
        cluster.warn("Old and new certificates are both valid until 'gnt-cluster renew-crypto' is run again")

    @property
    def of_nodes(self) -> bool:
        return self.node_certificates or self.cluster_certificate

    @property
    def of_candidates(self) -> bool:
        """Whether something that master candidates keep is renewed."""
        api = self.new_rapi_certificate or self.rapi_certificate is not None
        return api or self.new_cluster_domain_secret or self.cluster_domain_secret is not None

    @property
    def of_spice(self) -> bool:
        """A SPICE certificate that the cluster's CA has signed is renewed with the CA."""
        return self.new_spice_certificate or self._spice_is_given or self.cluster_certificate

    @property
    def _spice_is_given(self) -> bool:
        return self.spice_certificate is not None or self.spice_ca_certificate is not None

    def _takes_part(self, node: Node) -> bool:
        return self.of_nodes or (self.of_candidates and node.master_candidate)

    def _ensure_usable(self, now: datetime.datetime) -> None:
        """Raise WrongInput with all problems of the given files."""
        problems = Problems()
        with problems.noted():
            if self.rapi_certificate is not None and self.new_rapi_certificate:
                raise WrongInput("The remote API's certificate is either made new or given, not both")
        with problems.noted():
            if self._spice_is_given and self.new_spice_certificate:
                raise WrongInput("The certificate of SPICE is either made new or given, not both")
        with problems.noted():
            if (self.spice_certificate is None) != (self.spice_ca_certificate is None):
                raise WrongInput("--spice-certificate and --spice-ca-certificate go together")
        with problems.noted():
            if self.cluster_domain_secret is not None and self.new_cluster_domain_secret:
                raise WrongInput("The cluster domain secret is either made new or given, not both")
        with problems.noted():
            _ensure_credentials("rapi_certificate", self.rapi_certificate, now)
        with problems.noted():
            _ensure_credentials("spice_certificate", self.spice_certificate, now)
            _ensure_signed(self.spice_certificate, self.spice_ca_certificate)
        problems.tell()


def _ensure_credentials(parameter: str, pem: str | None, now: datetime.datetime) -> None:
    if pem is None:
        return
    from ganeti.host.certificates import ensure_server_credentials  # noqa: PLC0415 - slow to import

    try:
        ensure_server_credentials(pem.encode(), now)
    except WrongInput as error:
        raise WrongInput(f"Parameter '{parameter}': {error.message}") from None


def _ensure_signed(certificate: str | None, authority: str | None) -> None:
    if certificate is None or authority is None:
        return
    from ganeti.host.certificates import issued_by, split  # noqa: PLC0415 - slow to import

    authorities = split(authority.encode())
    if not authorities:
        raise WrongInput("Parameter 'spice_ca_certificate': it holds no certificate in PEM")
    try:
        signed = any(issued_by(one, authorities) for one in split(certificate.encode()))
    except ValueError:
        raise WrongInput("Parameter 'spice_certificate': a certificate of its chain cannot be read") from None
    if not signed:
        raise WrongInput("Parameter 'spice_ca_certificate': it is not of the authority that signed the certificate")


async def _renew_confd_key(cluster: RunContext) -> None:
    cluster.step("Replacing the key of ganeti-confd")
    key = cluster.random.octets(CONFD_KEY_BYTES).hex()
    await cluster.commit([evolve(cluster.state.cluster, confd_key=key)])
    await hand_out(cluster, "the new key of ganeti-confd")


def _tell_what_remains(cluster: RunContext) -> None:
    for node in cluster.state.nodes:
        if node.offline:
            cluster.warn(
                f"Node {node.name} is marked offline and keeps its old certificate; when it is back, add it again "
                f"('gnt-node add --readd {node.name}')"
            )
