# SPDX-License-Identifier: BSD-2-Clause
"""TLS goes on with what is in the files now, and tells nothing to somebody else."""

import asyncio
import ssl

import pytest

from ganeti.host import certificates, tls
from ganeti.host.files import write_atomic
from ganeti.host.paths import Paths


@pytest.fixture
def paths(tmp_path):
    return Paths(tmp_path)


def equip(paths, authority, *trusted, name="node1"):
    made = certificates.create_node_credentials(authority, name)
    write_atomic(paths.node_certificate, made.together)
    write_atomic(paths.ca_certificate, b"".join(one.certificate for one in trusted or (authority,)))
    return certificates.fingerprint(made.certificate)


class Server:
    """Answers one line with what it got."""

    def __init__(self, context):
        self.context, self.heard = context, []

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self._server.close()

    async def _serve(self, reader, writer):
        if line := await reader.readline():
            self.heard.append(line)
            writer.write(line)
        writer.close()

    async def ask(self, context):
        """The fingerprint of what the server shows to a caller that it answers."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=context, server_hostname="node1")
        writer.write(b"hello\n")
        answered = await reader.readline()
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
        if not answered:
            raise ConnectionError
        return certificates.fingerprint(ssl.DER_cert_to_PEM_cert(shown).encode())


async def test_both_sides_use_files_that_are_replaced_from_the_next_connection_on(paths):
    old, new = certificates.create_authority("c"), certificates.create_authority("c")
    first = equip(paths, old)
    client, before = tls.node_client(paths), tls.node_client(paths)()
    async with Server(tls.node_server(paths)) as server:
        assert await server.ask(client()) == first
        second = equip(paths, new, new, old)
        assert await server.ask(client()) == second
        equip(paths, new)
        await server.ask(client())
        with pytest.raises((ssl.SSLError, ConnectionError)):  # the old certificate, and the old trust
            await server.ask(before)


async def test_files_that_do_not_fit_together_change_nothing(paths):
    authority = certificates.create_authority("c")
    first = equip(paths, authority)
    client = tls.node_client(paths)
    async with Server(tls.node_server(paths)) as server:
        write_atomic(paths.node_certificate, b"half a certificate")
        assert await server.ask(client()) == first


async def test_a_key_beside_the_certificate_counts_until_there_is_one_with_it(paths):
    authority = certificates.create_authority("c")
    made = certificates.create_node_credentials(authority, "node1")
    write_atomic(paths.node_certificate, made.certificate)
    write_atomic(paths.node_key, made.key)
    write_atomic(paths.ca_certificate, authority.certificate)
    client = tls.node_client(paths)
    async with Server(tls.node_server(paths)) as server:
        assert await server.ask(client()) == certificates.fingerprint(made.certificate)
        second = equip(paths, authority)
        assert await server.ask(client()) == second


async def test_nothing_is_said_to_a_server_whose_certificate_is_not_the_one_on_record(paths):
    equip(paths, certificates.create_authority("c"))
    context = tls.node_client(paths)()
    tls.recognising(context, lambda name, certificate: False)
    async with Server(tls.node_server(paths)) as server:
        with pytest.raises(ssl.SSLError, match="not the one that is on record"):
            await server.ask(context)
        assert server.heard == []
