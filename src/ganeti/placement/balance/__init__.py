# SPDX-License-Identifier: BSD-2-Clause
"""Finding moves that make a cluster's score better (hbal(1)).

``Balance`` holds a group's instances where they are and says which single move is the best; ``descend`` makes
moves until none helps. What makes it fast: a move changes at most three nodes, so every deviation follows from
a sum and a sum of squares, for all instances and all targets at once.
"""
