# SPDX-License-Identifier: BSD-2-Clause
"""The remote API of a cluster, whose certificate is verified."""

from __future__ import annotations

import base64
import re
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import msgspec

from ganeti import errors
from ganeti.cli.given_file import read_given_text
from ganeti.errors import ExecutionFailed, MasterUnreachable, WrongInput
from ganeti.model.job import JobStatus

_ANSWER = 60.0  # seconds for an answer
_AGAIN = 5.0  # seconds until a question is repeated that was not answered
_TRIES = 60
_LARGEST = 64 << 20  # bytes of an answer
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)

# What a job has logged: (kind, what it says).
Entry = Callable[[str, Any], None]


@dataclass(frozen=True, slots=True)
class Api:
    """``side``: the prefix of the options that it was given with, ``src`` or ``dest``."""

    side: str
    host: str
    port: int
    user: str | None
    password: str
    context: ssl.SSLContext

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Raises WrongInput for what is refused, MasterUnreachable without an answer."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        address = f"https://{host}:{self.port}{path}"
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        if self.user:
            secret = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
            headers["Authorization"] = f"Basic {secret}"
        data = None if body is None else msgspec.json.encode(body)
        request = urllib.request.Request(address, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=_ANSWER, context=self.context) as answer:  # noqa: S310
                return msgspec.json.decode(answer.read(_LARGEST))
        except urllib.error.HTTPError as error:
            raise self._refusal(error) from None
        except (OSError, msgspec.DecodeError) as error:
            raise MasterUnreachable(self._unreached(getattr(error, "reason", error))) from None

    def submitted(self, method: str, path: str, body: Any = None) -> int:
        """The number of a job."""
        return int(self.ask(method, path, body))

    def followed(self, job: int, entry: Entry) -> Any:
        """The result of a job of one operation when it has ended. Raises what it ended with."""
        info, serial, failures = None, -1, 0
        body = {"fields": ["status", "opresult"]}
        while True:
            try:
                news = self.ask("GET", f"/2/jobs/{job}/wait", {**body, **_seen(info, serial)})
                failures = 0
            except MasterUnreachable as error:
                failures += 1
                if failures > _TRIES:
                    raise MasterUnreachable(f"{error.message}; job {job} of {self.host} may go on") from None
                time.sleep(_AGAIN)
                continue
            if news is None:
                continue
            info = news["job_info"]
            for number, _, kind, said in news["log_entries"] or ():
                serial = max(serial, number)
                entry(kind, said)
            status = JobStatus(info[0])
            if status.final:
                return self._result(job, status, info[1][0])

    def _result(self, job: int, status: JobStatus, result: Any) -> Any:
        if status is JobStatus.SUCCESS:
            return result
        error = errors.decode(result)
        raise ExecutionFailed(f"job {job} of {self.host}: {error.message if error else status}")

    def _refusal(self, error: urllib.error.HTTPError) -> errors.GanetiError:
        if error.code == HTTPStatus.UNAUTHORIZED:
            return WrongInput(
                f"{self.host} does not know the user or the password (--{self.side}-username, "
                f"--{self.side}-password-file)"
            )
        said = error.read(_LARGEST)
        try:
            told = msgspec.json.decode(said)
            why = f"{told['message']}: {told['explain']}" if told.get("explain") else str(told["message"])
        except (msgspec.DecodeError, KeyError, TypeError, AttributeError):
            why = str(error.reason)
        if error.code in (
            HTTPStatus.TOO_MANY_REQUESTS,
            HTTPStatus.BAD_GATEWAY,
            HTTPStatus.SERVICE_UNAVAILABLE,
            HTTPStatus.GATEWAY_TIMEOUT,
        ):
            return MasterUnreachable(f"{self.host}: {error.code} {why}")
        return WrongInput(f"{self.host}: {error.code} {why}")

    def _unreached(self, why: object) -> str:
        hint = ""
        if isinstance(why, ssl.SSLCertVerificationError):
            hint = f"; --{self.side}-ca-file=FILE names the certificate of its authority, or its own"
        return f"The remote API of {self.host} (port {self.port}) cannot be reached: {why}{hint}"


def _seen(info: Any, serial: int) -> dict[str, Any]:
    return {} if info is None else {"previous_job_info": info, "previous_log_serial": serial}


def trusting(path: str | None) -> ssl.SSLContext:
    """With the certificates of a file, among which may be that of the server; without one, with the system's.

    Raises WrongInput or OSError.
    """
    if path is None:
        return ssl.create_default_context()
    certificates = _CERTIFICATE.findall(_text(path))
    if not certificates:
        raise WrongInput(f"{path} has no certificate in PEM")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        context.load_verify_locations(cadata="\n".join(certificates))
    except ssl.SSLError:
        raise WrongInput(f"A certificate in {path} cannot be read") from None
    return context


def password_of(path: str | None, user: str | None, side: str) -> str:
    """The first line of the file. Raises WrongInput or OSError."""
    if path is None:
        if user:
            raise WrongInput(f"Give --{side}-password-file=FILE too, with the password of {user}")
        return ""
    lines = _text(path).splitlines()
    if not lines or not lines[0]:
        raise WrongInput(f"{path} has no password in its first line")
    return lines[0]


def _text(path: str) -> str:
    try:
        return read_given_text(Path(path))
    except UnicodeDecodeError:
        raise WrongInput(f"{path} is not a text in UTF-8") from None
