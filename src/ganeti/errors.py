# SPDX-License-Identifier: BSD-2-Clause
"""Every error that a user can see.

    GanetiError
    ├── CheckFailed                nothing was changed
    │   ├── WrongInput             a value that is not allowed
    │   │   └── CommandLineError   the command line cannot be understood
    │   ├── UnknownEntity          no such node, instance, job ...
    │   ├── AlreadyExists
    │   ├── NotUnique              a name, address or device that something else holds
    │   ├── WrongState             not in this state, or not in this role
    │   ├── InsufficientResources
    │   ├── ResolverError          a host name that has no address
    │   ├── EnvironmentUnfit       the machine lacks what the operation needs
    │   ├── NotInitialised         the machine belongs to no cluster
    │   ├── NotMaster
    │   └── AccessDenied
    ├── ExecutionFailed            it had begun; the message says what is left behind
    │   ├── HookAborted
    │   ├── StoreFailed            the cluster's state could not be written
    │   └── HypervisorFailed
    ├── NodeCallFailed
    │   ├── NodeUnreachable        no answer: nothing is known about what the node did
    │   ├── NodeRefused            the node does not accept this caller
    │   │   └── RivalTerm          it obeys another master of the same term
    │   └── StaleTerm              the caller is no longer the master
    ├── MasterUnreachable          the master daemon does not answer
    ├── Canceled
    └── JobLost                    the master daemon stopped while the job ran

A class carries its wire name and code (Ganeti's, so that existing tools can tell errors apart),
the exit status of a command that ends with it, and the status of an HTTP answer.
"""

from __future__ import annotations

from typing import Any, ClassVar

EXIT_FAILURE = 1
EXIT_USAGE = 2
EXIT_NOT_CLUSTER = 5
EXIT_NOT_MASTER = 11
EXIT_NODE_SETUP = 12
EXIT_CONFIRMATION = 13
EXIT_UNKNOWN_FIELD = 14

_SHOWN = 200  # characters shown of what cannot be decoded


class GanetiError(Exception):
    """Base class of all errors; raised as such for what should never happen."""

    wire: ClassVar[str] = "GenericError"
    code: ClassVar[str] = "internal_error"
    exit_status: ClassVar[int] = EXIT_FAILURE
    http_status: ClassVar[int] = 500

    @property
    def message(self) -> str:
        return str(self.args[0]) if self.args else type(self).__name__


class CheckFailed(GanetiError):
    """A check said no before anything was changed; one of the classes below says why."""

    wire = "OpPrereqError"
    code = "check_failed"
    http_status = 400


class WrongInput(CheckFailed):
    """A value that is not allowed; the message names the parameter and what is allowed."""

    code = "wrong_input"


class CommandLineError(WrongInput):
    """A command line that cannot be understood."""

    wire = "OptionError"
    exit_status = EXIT_USAGE


class UnknownEntity(CheckFailed):
    """No such thing in this cluster."""

    code = "unknown_entity"
    http_status = 404


class AlreadyExists(CheckFailed):
    """What is to be created exists already."""

    code = "already_exists"
    http_status = 409


class NotUnique(CheckFailed):
    """A name, address or device that something else holds."""

    code = "resource_not_unique"
    http_status = 409


class WrongState(CheckFailed):
    """Not possible in the present state of the object."""

    code = "wrong_state"
    http_status = 409


class Unavailable(WrongState):
    """Temporarily unavailable; trying again later may help."""

    code = "unavailable"
    http_status = 503


class TooMany(WrongState):
    """The caller has reached a limit; trying again later may help."""

    code = "too_many"
    http_status = 429


class InsufficientResources(CheckFailed):
    """Not enough memory, disk, nodes ..."""

    code = "insufficient_resources"
    http_status = 409


class ResolverError(CheckFailed):
    """A host name that has no address."""

    code = "resolver_error"


class EnvironmentUnfit(CheckFailed):
    """The machine lacks something that the operation needs."""

    code = "environment_error"
    http_status = 500


class NotInitialised(CheckFailed):
    """This machine belongs to no cluster."""

    wire = "NotInitialised"
    code = "wrong_state"
    exit_status = EXIT_NOT_CLUSTER


class NotMaster(CheckFailed):
    """Only the master node can do this."""

    wire = "NotMaster"
    code = "wrong_state"
    exit_status = EXIT_NOT_MASTER
    http_status = 409


class AccessDenied(CheckFailed):
    """The caller may not do this."""

    wire = "AccessError"
    code = "access_denied"
    http_status = 403


class ExecutionFailed(GanetiError):
    """A step failed; the message says what was undone and what is left."""

    wire = "OpExecError"
    code = "execution_error"


class HookAborted(ExecutionFailed):
    """A pre hook refused the operation."""

    wire = "HooksAbort"


class StoreFailed(ExecutionFailed):
    """The cluster's state could not be written; what was written before is intact."""

    wire = "ConfigurationError"


class HypervisorFailed(ExecutionFailed):
    """The hypervisor could not do what was asked."""

    wire = "HypervisorError"


class NodeCallFailed(GanetiError):
    """A call to a node did not succeed."""

    wire = "RPCError"
    code = "node_error"
    http_status = 502


class NodeUnreachable(NodeCallFailed):
    """No answer from the node: whether it carried out the call is not known."""

    code = "node_unreachable"


class NodeRefused(NodeCallFailed):
    """The node does not accept this caller or does not know this call."""

    code = "node_refused"


class RivalTerm(NodeRefused):
    """The node obeys another master of the same term; there must be only one."""

    code = "rival_term"


class StaleTerm(NodeCallFailed):
    """The node knows of a newer master than the caller."""

    code = "stale_term"


class MasterUnreachable(GanetiError):
    """The master daemon does not answer."""

    wire = "NoMasterError"
    code = "master_unreachable"
    http_status = 502


class Canceled(GanetiError):
    """Canceled before it was done."""

    wire = "JobCanceled"
    code = "canceled"
    http_status = 409


class JobLost(GanetiError):
    """The master daemon stopped while the job was running."""

    wire = "JobLost"
    code = "job_lost"


def encode(error: Exception) -> list[Any]:
    """An error as it crosses a process boundary: ``[wire name, [message, code]]``."""
    if not isinstance(error, GanetiError):
        return [GanetiError.wire, [in_words(error), GanetiError.code]]
    return [error.wire, [error.message, error.code]]


def in_words(error: Exception) -> str:
    """An error as text, for callers that report the failure of one item and go on with the others."""
    return error.message if isinstance(error, GanetiError) else f"{type(error).__name__}: {error}"


def decode(encoded: Any) -> GanetiError:
    """The error that ``encode`` turned into ``encoded``."""
    match encoded:
        case [str(wire), [str(message), str(code)]]:
            return _BY_WIRE.get((wire, code), GanetiError)(message)
    return GanetiError(f"An error that cannot be read: {str(encoded)[:_SHOWN]}")


def _tree(base: type[GanetiError]) -> list[type[GanetiError]]:
    return [base, *(found for child in base.__subclasses__() for found in _tree(child))]


_BY_WIRE = {(cls.wire, cls.code): cls for cls in _tree(GanetiError)}
