# SPDX-License-Identifier: BSD-2-Clause
"""What the operating system and TLS say, as people put it."""

import errno
import socket
import ssl

import pytest

from ganeti.host.reasons import reason


def of_openssl(cls, number, text, **attributes):
    error = cls(number, text)
    for name, value in attributes.items():
        setattr(error, name, value)
    return error


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.ECONNREFUSED, "Connect call failed ('10.77.0.2', 1811)"), "Connection refused"),
        (OSError(errno.EACCES, "Permission denied", "/etc/motd"), "/etc/motd: Permission denied"),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "Name or service not known"),
        (ConnectionError("it closed the connection"), "it closed the connection"),
        (EOFError(), "EOFError"),
        (
            of_openssl(ssl.SSLError, 1, "[SSL] (_ssl.c:1006)", reason="TLSV1_ALERT_UNKNOWN_CA"),
            "TLS: tlsv1 alert unknown ca",
        ),
        (
            of_openssl(ssl.SSLCertVerificationError, 1, "[SSL: ...", verify_message="self-signed certificate"),
            "self-signed certificate",
        ),
        (ssl.SSLCertVerificationError("the certificate is of another"), "the certificate is of another"),
    ],
)
def test_a_reason_has_no_numbers_and_nothing_of_python(error, told):
    assert reason(error) == told
