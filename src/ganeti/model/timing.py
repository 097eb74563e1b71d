# SPDX-License-Identifier: BSD-2-Clause
"""Times that depend on one another, in seconds, with what must hold between them.

A time that nothing else depends on stands where it is used.
"""
# ruff: noqa: S101 - the relations are what this file is for

# --- between the master and the nodes ---------------------------------------------------------------------

HEARTBEAT = 5.0  # a node that has nothing to say says so this often
SILENCE = 3 * HEARTBEAT  # a node that says nothing for so long counts as dead
DEFAULT_DEADLINE = 60.0  # of a call that says nothing else of itself
PING = 10.0  # of the question whether a node is there

assert 2 * HEARTBEAT < SILENCE < DEFAULT_DEADLINE  # one heartbeat may be lost
assert PING < SILENCE

# --- whether KVM works on a node, which it tries out before its first guest (decision 12) ------------------

TRIAL = 240.0  # that the tiny guest gets to come up
START = 300.0  # that a node gets for what it cannot do before it knows

assert TRIAL + DEFAULT_DEADLINE <= START

# --- who is the master ------------------------------------------------------------------------------------

BEAT = 3.0  # between two questions of the master to a node
LEASE = 15.0  # that an answer counts, from the moment of the question

assert PING + BEAT < LEASE  # a slow answer does not end a mandate

# --- news of jobs -----------------------------------------------------------------------------------------

LONGEST_NEWS = 60.0  # that the master keeps anybody waiting for news of a job
FOLLOW = 50.0  # that a command asks it to
FOLLOW_SLACK = 30.0  # beyond what it asked for, until a command gives the master up
API_WAIT = 10.0  # of ``/2/jobs/.../wait``
LUXI = 180.0  # that a local program waits for any answer
CLIENT = 60.0  # that clients of Ganeti's remote API wait for an answer, if they are told nothing else

assert FOLLOW < LONGEST_NEWS  # a command is answered when it expects it
assert LONGEST_NEWS < FOLLOW + FOLLOW_SLACK < LUXI
assert API_WAIT < CLIENT
assert API_WAIT < LONGEST_NEWS

# --- hooks ------------------------------------------------------------------------------------------------

HOOKS = 600.0  # for all scripts of one directory on one node
HOOKS_MARGIN = 10.0  # of it that are left to say how they ended

WATCHER_SCRIPTS = 60.0  # likewise, of the watcher's scripts, which are to be light; its round waits for them

assert HOOKS_MARGIN < WATCHER_SCRIPTS <= HOOKS

# --- guests -----------------------------------------------------------------------------------------------

SHUTDOWN_TIMEOUT = 120  # that a guest gets to power off, if nobody says otherwise
