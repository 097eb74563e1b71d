# SPDX-License-Identifier: BSD-2-Clause
"""The move of one instance: a job of each cluster, and what is carried from one to the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from ganeti.cli.move_instance.api import Api
from ganeti.cli.move_instance.copy import creation
from ganeti.errors import ExecutionFailed, GanetiError

_REMOTE_IMPORT = "remote-import"


@dataclass(frozen=True, slots=True)
class Move:
    """``given``: what the command line says; ``say``: prints a line, ``tell`` one of a job's log."""

    source: Api
    target: Api
    name: str
    given: Mapping[str, Any]
    say: Callable[[str], None]
    tell: Callable[[str], None]
    awaited: Future[dict[str, Any]] = field(default_factory=Future)

    def run(self) -> None:
        """Raises what prevents it."""
        self.say("Preparing the move")
        prepared = self._done(self.source, "PUT", "prepare-export?mode=remote")
        described = self._described()
        request = creation(described, prepared, self.given)
        job = self.target.submitted("POST", "/2/instances", request)
        self.say(f"Creating {request['instance_name']} on {self.target.host} (job {job})")
        with ThreadPoolExecutor(1) as pool:
            creating = pool.submit(self.target.followed, job, self._heard)
            wait([creating, self.awaited], return_when=FIRST_COMPLETED)
            if not self.awaited.done():
                creating.result()
                raise ExecutionFailed(f"job {job} of {self.target.host} did not tell where the disks are awaited")
            try:
                self._send(prepared, self.awaited.result())
            except GanetiError as error:
                self.say(f"{error.message}\nWaiting until {self.target.host} gives up too")
                nodes = self._arrived_anyway(error, creating)
            else:
                nodes = creating.result()
        self.say(f"Moved to {', '.join(nodes)} of {self.target.host}")

    def _send(self, prepared: Mapping[str, Any], there: Mapping[str, Any]) -> None:
        keep = bool(self.given.get("keep_source_instance"))
        body = {
            "mode": "remote",
            "destination": there["disks"],
            "x509_key_name": prepared["x509_key_name"],
            "destination_x509_ca": there["x509_ca"],
            "shutdown": True,
            "remove_instance": not keep,
            "compress": self.given.get("compress") or "none",
        }
        job = self.source.submitted("PUT", self._path("export"), body)
        self.say(f"Sending the disks from {self.source.host} (job {job})")
        self.source.followed(job, self._message)

    def _arrived_anyway(self, error: GanetiError, creating: Future[Any]) -> Any:
        """The destination's result, which has the last word. Raises why it failed, as each cluster tells it."""
        try:
            return creating.result()
        except GanetiError as other:
            raise type(error)(f"{error.message}\n{other.message}") from None

    def _described(self) -> dict[str, Any]:
        """Without the NIC by which it reaches the metadata daemon of its nodes, which is of its own cluster."""
        found = self._done(self.source, "GET", "info")
        (described,) = found.values()
        own = self.source.ask("GET", "/2/info").get("instance_communication_network")
        nics = [nic for nic in described["nics"] if not own or nic[-1] != own]
        return {**described, "nics": nics}

    def _done(self, api: Api, method: str, what: str) -> Any:
        return api.followed(api.submitted(method, self._path(what)), self._message)

    def _path(self, what: str) -> str:
        return f"/2/instances/{quote(self.name, safe='')}/{what}"

    def _heard(self, kind: str, said: Any) -> None:
        if kind == _REMOTE_IMPORT and not self.awaited.done():
            self.awaited.set_result(said)
        self._message(kind, said)

    def _message(self, kind: str, said: Any) -> None:
        if kind == "message":
            self.tell(str(said))
