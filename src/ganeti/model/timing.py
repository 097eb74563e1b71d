# SPDX-License-Identifier: BSD-2-Clause
"""Times that depend on one another, in seconds, with the relations that must hold.

A time that nothing else depends on is defined where it is used.
"""
# ruff: noqa: S101 - the relations are what this file is for

# --- between the master and the nodes ---------------------------------------------------------------------

HEARTBEAT = 5.0  # interval of heartbeats from a node without news
SILENCE = 3 * HEARTBEAT  # a node that is silent for this long counts as dead
DEFAULT_DEADLINE = 60.0  # timeout of a call that declares no other
PING = 10.0  # timeout of the check whether a node is alive

assert 2 * HEARTBEAT < SILENCE < DEFAULT_DEADLINE  # one heartbeat may be lost
assert PING < SILENCE

# --- whether KVM works on a node, which is probed before its first guest (decision 12) ------------------

TRIAL = 240.0  # for the tiny guest to boot
START = 300.0  # timeout of a call that may have to wait for that probe

assert TRIAL + DEFAULT_DEADLINE <= START

# --- who is the master ------------------------------------------------------------------------------------

BEAT = 3.0  # between two confirmations that the master asks a node for
LEASE = 15.0  # for which an answer is valid, counted from the request

assert PING + BEAT < LEASE  # a slow answer does not end a mandate

# --- news of jobs -----------------------------------------------------------------------------------------

LONGEST_NEWS = 60.0  # longest that the master lets a client wait for news of a job, whatever it asks for
FOLLOW = 50.0  # wait that a command asks for
FOLLOW_SLACK = 30.0  # beyond that, until a command gives up on the master
API_WAIT = 10.0  # of ``/2/jobs/.../wait``
LUXI = 180.0  # that a local program waits for any answer
CLIENT = 60.0  # default timeout of clients of Ganeti's remote API

assert FOLLOW < LONGEST_NEWS  # a command is answered when it expects it
assert LONGEST_NEWS < FOLLOW + FOLLOW_SLACK < LUXI
assert API_WAIT < CLIENT
assert API_WAIT < LONGEST_NEWS

# --- hooks ------------------------------------------------------------------------------------------------

HOOKS = 600.0  # for all scripts of one directory on one node
HOOKS_MARGIN = 10.0  # of these, reserved for reporting how they ended

WATCHER_SCRIPTS = 60.0  # like HOOKS, for the watcher's scripts, which should be quick; its round waits for them

assert HOOKS_MARGIN < WATCHER_SCRIPTS <= HOOKS

# --- guests -----------------------------------------------------------------------------------------------

SHUTDOWN_TIMEOUT = 120  # for a guest to power off, by default
IN_GUEST = 60  # for a command in a guest to end, by default
LONGEST_IN_GUEST = 3600  # at most; its job keeps the instance from being changed meanwhile

# --- clocks -----------------------------------------------------------------------------------------------

MAX_SKEW = 150.0  # by which those of nodes may differ, as in Ganeti
