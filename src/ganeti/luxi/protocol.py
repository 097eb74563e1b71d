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

END = b"\x03"
VERSION = 3000000
LARGEST = 256 * 1024**2  # bytes of one message


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
    QUERY_CLUSTER_INFO = "QueryClusterInfo"
    QUERY_CONFIG_VALUES = "QueryConfigValues"
    QUERY_TAGS = "QueryTags"
    SET_DRAIN_FLAG = "SetDrainFlag"

    READ = "Read"  # [operation]: carry out one that changes nothing, without a job
    SUBMIT_JOB_AS = "SubmitJobAs"  # [caller, operations]: for somebody who may do less than root
    READ_AS = "ReadAs"  # [caller, operation]
    OFFER_JOIN = "OfferJoin"  # [node name]: a token that lets a node join


class Request(Struct, frozen=True):
    """One question."""

    method: str
    args: Any = None
    version: int | None = None


class Response(Struct, frozen=True):
    """``result`` is the encoded error (``ganeti.errors.encode``) if ``success`` is false."""

    success: bool
    result: Any = None
    version: int = VERSION


encoder = msgspec.json.Encoder()
request_decoder = msgspec.json.Decoder(Request)
response_decoder = msgspec.json.Decoder(Response)
