# SPDX-License-Identifier: BSD-2-Clause
"""Where instances live and where they should: score, balance, capacity, on an immutable snapshot.

``snapshot`` holds the values, ``text`` reads and writes them (htools(1)), ``occupancy`` is what the instances
use of each node as numpy columns, ``score`` rates that, and the rest looks for improvements.
Nothing here reads a file, a clock or the network.
"""
