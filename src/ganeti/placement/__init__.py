# SPDX-License-Identifier: BSD-2-Clause
"""Where instances live and where they should: score, balance, capacity, on an immutable snapshot.

``snapshot`` holds the values, ``text`` reads and writes them (htools(1)), ``occupancy`` is what the instances
take of each node as numpy columns, ``score`` says how good that is, and the rest looks for something better.
Nothing here reads a file, a clock or the network.
"""
