# SPDX-License-Identifier: BSD-2-Clause
"""What clusters with a common secret sign for one another."""

import itertools

import pytest

from ganeti.errors import WrongInput
from ganeti.model.domain import Destination, Domain

PEM = "-----BEGIN CERTIFICATE-----\nMIIB/jCCAaWgAwIB\n-----END CERTIFICATE-----\n"
WHERE = Destination("192.0.2.1", 1830, "0123456789abcdef")
_numbers = itertools.count()


def domain(secret="a secret"):
    return Domain(secret, lambda: f"salt{next(_numbers)}")


def checks():
    """What is signed, and how it is checked."""
    ours = domain()
    return {
        "handshake": (ours.handshake(), lambda by, told: by.ensure_handshake(told)),
        "key": (ours.key_name("move-1"), lambda by, told: by.ensure_key_name(told)),
        "disk": ([ours.destination(0, WHERE, "ff")], lambda by, told: by.ensure_destinations(told, "ff")),
        "certificate": (ours.certificate(PEM), lambda by, told: by.ensure_certificate(told)),
    }


@pytest.mark.parametrize("what", checks())
def test_what_was_signed_is_taken_by_who_has_the_same_secret_and_by_nobody_else(what):
    told, ensure = checks()[what]
    ensure(domain(), told)
    with pytest.raises(WrongInput, match="its signature is not right: the two clusters need the same"):
        ensure(domain("another secret"), told)


def test_what_comes_back_is_what_was_signed():
    ours = domain()
    assert ours.ensure_key_name(ours.key_name("move-1")) == "move-1"
    assert ours.ensure_certificate(ours.certificate(PEM)) == PEM
    assert ours.ensure_destinations([ours.destination(0, WHERE, "ff")], "ff") == (WHERE,)


def test_a_salt_is_not_used_twice():
    ours = domain()
    assert ours.handshake()[1:] != ours.handshake()[1:]


def changed():
    address, port, magic, digest, salt = domain().destination(0, WHERE, "ff")
    first, second = domain().destination(0, WHERE, "ff"), domain().destination(1, WHERE, "ff")
    yield "disk", [[address, port + 1, magic, digest, salt]]
    yield "disk", [["192.0.2.2", port, magic, digest, salt]]
    yield "disk", [[address, port, "another", digest, salt]]
    yield "disk", [[address, port, magic, digest, "another"]]
    yield "disk", [second, first]
    yield "disk", [domain().destination(0, WHERE, "another certificate")]
    yield "key", ["move-2", *domain().key_name("move-1")[1:]]
    yield "key", [0, *domain().handshake()[1:]]
    yield "key", ["0", *domain().handshake()[1:]]  # of another purpose
    yield "certificate", domain().certificate(PEM).replace("MIIB", "MIIC")
    yield "certificate", domain().certificate(PEM) + PEM
    yield "certificate", PEM
    yield "certificate", ""
    yield "handshake", [1, *domain().handshake()[1:]]
    yield "handshake", [0, "é", "salt"]
    yield "handshake", [0, "0", "no\0salt"]
    yield "handshake", []
    yield "disk", ["192.0.2.1"]
    yield "disk", [None]


@pytest.mark.parametrize(("what", "told"), list(changed()))
def test_what_was_changed_is_refused(what, told):
    _, ensure = checks()[what]
    with pytest.raises(WrongInput):
        ensure(domain(), told)
