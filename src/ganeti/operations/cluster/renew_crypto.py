# SPDX-License-Identifier: BSD-2-Clause
"""Renew the cluster's keys and certificates."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta

from ganeti.declare.command import Command, Option
from ganeti.declare.parameter import param
from ganeti.declare.types import Name, Positive
from ganeti.errors import GanetiError, WrongInput, WrongState
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.lockset import LockSet, exclusive
from ganeti.jobs.operation import JobOperation
from ganeti.model.cluster import CONFD_KEY_BYTES
from ganeti.model.entity import evolve
from ganeti.model.kind import Kind
from ganeti.model.node import Node
from ganeti.model.state import State
from ganeti.rpc.contract.node import Ping

_LONGEST_PEM = 65536  # characters, of a certificate with its chain and key
_NO_SPICE = "SPICE with TLS, which is not there"
_NO_EXCHANGE = "the exchange of instances between clusters, which is not there, so they have no secret for it"
_NO_SSH_KEYS = "the SSH keys of nodes, which are the administrator's: daemons use none"


def _parameters(values: Mapping[str, Any]) -> dict[str, Any]:
    lines = values.get("rapi_certificate")
    return {**values, "rapi_certificate": "\n".join(lines) if lines is not None else None}


class ClusterRenewCrypto(JobOperation[list[Node]], frozen=True, kw_only=True, tag="OP_CLUSTER_RENEW_CRYPTO"):
    """Renew keys and certificates of the cluster while it runs. All nodes that are not marked offline must answer."""

    commands: ClassVar[tuple[Command, ...]] = (
        Command(
            "gnt-cluster",
            "renew-crypto",
            options=(
                Option(
                    ("--rapi-certificate",),
                    "File with the remote API's certificate, its chain and its key (PEM)",
                    kind="lines",
                    metavar="FILE",
                    completes="file",
                ),
            ),
            compose=_parameters,
            question=(
                "This renews keys and certificates of the cluster. Nodes that are marked offline have to be added "
                "again afterwards. Continue?"
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
        Annotated[str, Meta(max_length=_LONGEST_PEM)] | None,
        param("Certificate of the remote API with its chain and key (PEM)", secret=True),
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
        bool, param("Renew the certificate of SPICE", "--new-spice-certificate", unsupported=_NO_SPICE)
    ] = False
    spice_certificate: Annotated[
        Name | None, param("Certificate of SPICE", "--spice-certificate", unsupported=_NO_SPICE)
    ] = None
    spice_ca_certificate: Annotated[
        Name | None, param("Authority of SPICE's certificate", "--spice-ca-certificate", unsupported=_NO_SPICE)
    ] = None
    new_cluster_domain_secret: Annotated[
        bool, param("Renew the cluster domain secret", "--new-cluster-domain-secret", unsupported=_NO_EXCHANGE)
    ] = False
    cluster_domain_secret: Annotated[
        Name | None, param("Cluster domain secret", "--cluster-domain-secret", unsupported=_NO_EXCHANGE)
    ] = None

    def locks(self, state: State) -> LockSet:
        """Nodes neither come nor go meanwhile, nor change their roles; instances are not concerned."""
        del state
        return exclusive(Kind.CLUSTER, "candidates")

    async def check(self, cluster: CheckContext) -> list[Node]:
        """The nodes that take part, the master last."""
        if not (self.of_nodes or self.of_remote_api or self.new_confd_hmac_key):
            raise WrongInput(
                "Nothing to renew; give at least one of --new-cluster-certificate, --new-node-certificates, "
                "--new-rapi-certificate, --rapi-certificate, --new-confd-hmac-key"
            )
        self._ensure_usable(datetime.datetime.fromtimestamp(cluster.now, datetime.UTC))
        state = cluster.state
        nodes = [node for node in state.online_nodes if self.of_nodes or node.master_candidate]
        nodes.sort(key=lambda node: node.uuid == state.cluster.master_node)
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
        if not (self.of_nodes or self.of_remote_api):
            return
        from ganeti.operations.cluster.renewal import Renewal  # noqa: PLC0415 - cryptography is slow to import

        renewal = await Renewal.begin(cluster, plan, new_authority=self.cluster_certificate)
        if self.of_nodes:
            await renewal.announce()
        await renewal.equip_candidates(self.rapi_certificate, renew_rapi=self.new_rapi_certificate)
        if self.of_nodes:
            await renewal.carry_out()
            _tell_what_remains(cluster)

    async def recover(self, cluster: RunContext) -> None:
        """Nothing is to be undone: what was there before, and what is new, work side by side."""
        cluster.warn("Old and new certificates are both good until 'gnt-cluster renew-crypto' is run again")

    @property
    def of_nodes(self) -> bool:
        return self.node_certificates or self.cluster_certificate

    @property
    def of_remote_api(self) -> bool:
        return self.new_rapi_certificate or self.rapi_certificate is not None

    def _ensure_usable(self, now: datetime.datetime) -> None:
        if self.rapi_certificate is None:
            return
        from ganeti.host.certificates import ensure_server_credentials  # noqa: PLC0415 - slow to import

        if self.new_rapi_certificate:
            raise WrongInput("The remote API's certificate is either made new or given, not both")
        try:
            ensure_server_credentials(self.rapi_certificate.encode(), now)
        except WrongInput as error:
            raise WrongInput(f"Parameter 'rapi_certificate': {error.message}") from None


async def _renew_confd_key(cluster: RunContext) -> None:
    cluster.step("Replacing the key of ganeti-confd")
    key = cluster.random.octets(CONFD_KEY_BYTES).hex()
    await cluster.commit([evolve(cluster.state.cluster, confd_key=key)])
    if missed := await cluster.hand_out_facts():
        cluster.warn(f"{', '.join(missed)} did not take the new key of ganeti-confd; this is tried again by itself")


def _tell_what_remains(cluster: RunContext) -> None:
    for node in cluster.state.nodes:
        if node.offline:
            cluster.warn(
                f"Node {node.name} is marked offline and keeps its old certificate; when it is back, add it again "
                f"('gnt-node add --readd {node.name}')"
            )
