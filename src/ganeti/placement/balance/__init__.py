# SPDX-License-Identifier: BSD-2-Clause
"""Finding moves that improve a cluster's score (hbal(1)).

``Balance`` has a group's instances in their places and finds the best single move; ``descend`` makes moves
until none helps. It is fast because a move changes at most three nodes, so every deviation follows from a sum and a sum
of squares, for all instances and all targets at once.
"""
