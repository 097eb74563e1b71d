# SPDX-License-Identifier: BSD-2-Clause
"""How programs of the master node talk to the master daemon: LUXI.

JSON messages over a unix socket, each ended by a byte 0x03; a request ``{"method", "args", "version"}``
is answered by ``{"success", "result", "version"}``. Framing, method names and their arguments are
Ganeti's ("Ganeti 2.0 design", "LUXI"), so that its tools can be used with this daemon.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct

from ganeti.declare.types import Duration, NonEmpty, NonNegative, Uuid
from ganeti.errors import WrongInput
from ganeti.model.job_filter import GivenAction, Predicates, ReasonTrail

END = b"\x03"
VERSION = 3000000
LARGEST = 256 * 1024**2  # bytes of one answer
LARGEST_REQUEST = 16 * 1024**2
DEEPEST_REQUEST = 64  # nested lists and objects


class Method(StrEnum):
    """What can be asked. Those after the blank line are ours."""

    SUBMIT_JOB = "SubmitJob"
    SUBMIT_MANY_JOBS = "SubmitManyJobs"
    WAIT_FOR_JOB_CHANGE = "WaitForJobChange"
    CANCEL_JOB = "CancelJob"
    CHANGE_JOB_PRIORITY = "ChangeJobPriority"
    ARCHIVE_JOB = "ArchiveJob"
    AUTO_ARCHIVE_JOBS = "AutoArchiveJobs"
    QUERY = "Query"
    QUERY_FIELDS = "QueryFields"
    QUERY_JOBS = "QueryJobs"
    QUERY_INSTANCES = "QueryInstances"
    QUERY_NODES = "QueryNodes"
    QUERY_GROUPS = "QueryGroups"
    QUERY_NETWORKS = "QueryNetworks"
    QUERY_FILTERS = "QueryFilters"
    QUERY_CLUSTER_INFO = "QueryClusterInfo"
    QUERY_CONFIG_VALUES = "QueryConfigValues"
    QUERY_TAGS = "QueryTags"
    SET_DRAIN_FLAG = "SetDrainFlag"
    SET_WATCHER_PAUSE = "SetWatcherPause"
    REPLACE_FILTER = "ReplaceFilter"
    DELETE_FILTER = "DeleteFilter"

    READ = "Read"  # [operation]: carry out one that changes nothing, without a job
    SUBMIT_JOB_AS = "SubmitJobAs"  # [caller, operations]: for a caller with fewer permissions than root
    CANCEL_JOB_AS = "CancelJobAs"  # [caller, number]
    READ_AS = "ReadAs"  # [caller, operation]
    REPLACE_FILTER_AS = "ReplaceFilterAs"  # [caller, filter]; see ganeti.luxi.protocol.FilterRequest
    DELETE_FILTER_AS = "DeleteFilterAs"  # [caller, UUID]
    QUERY_OBJECTS = "QueryObjects"  # [kind, columns, filter]: as Query; rows are objects with the caller's keys
    FIND_NAMES = "FindNames"  # [kind, words]: the full names of what is meant by these
    WATCH = "Watch"  # [options]: a round of the watcher, now; see ganeti.luxi.protocol.WatchOptions
    OFFER_JOIN = "OfferJoin"  # [node name, options, seconds]: a token that lets a node join for so long


class WatchOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """As the options of ganeti-watcher(8) have it. ``wait``: answer when the round is over, and not when it begins."""

    ignore_pause: bool = False
    node_group: NonEmpty | None = None
    verify_disks: bool = True
    job_age: Duration | None = None  # seconds
    wait: bool = True


class FilterRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A filter to be set ("Ganeti remote API"). Without a UUID it gets a new one."""

    priority: NonNegative = 0
    predicates: Predicates = ()
    action: GivenAction = "CONTINUE"
    reason: ReasonTrail = ()
    uuid: Uuid | None = None


class Request(Struct, frozen=True):
    """One question."""

    method: str
    args: Any = None
    version: int | None = None

    @property
    def arguments(self) -> list[Any]:
        """Always a list, though clients may send a single argument as it is."""
        return self.args if isinstance(self.args, list) else [] if self.args is None else [self.args]


class Response(Struct, frozen=True):
    """``result`` is the encoded error (``ganeti.errors.encode``) if ``success`` is false."""

    success: bool
    result: Any = None
    version: int = VERSION


class Unread(Response, frozen=True):
    """A response whose result is passed on undecoded."""

    result: msgspec.Raw = msgspec.Raw()


def request_of(message: bytes) -> Request:
    """Raises WrongInput for what is not a request, or is nested too deeply."""
    try:
        request = _request_decoder.decode(message)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise WrongInput(f"Not a request: {error}") from None
    except RecursionError:
        raise WrongInput(_TOO_DEEP) from None
    if not _shallow(request.arguments):
        raise WrongInput(_TOO_DEEP)
    return request


def _shallow(values: list[Any]) -> bool:
    """Whether nothing is nested more deeply than a request may be."""
    level: list[Any] = [values]
    for _ in range(DEEPEST_REQUEST):
        inside = (item for one in level for item in (one.values() if isinstance(one, dict) else one))
        level = [item for item in inside if isinstance(item, list | dict)]
        if not level:
            return True
    return False


_TOO_DEEP = f"Not a request: more than {DEEPEST_REQUEST} lists and objects stand in one another"

encoder = msgspec.json.Encoder()
_request_decoder = msgspec.json.Decoder(Request)
response_decoder = msgspec.json.Decoder(Response)
unread_decoder = msgspec.json.Decoder(Unread)
