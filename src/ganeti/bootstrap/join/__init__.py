# SPDX-License-Identifier: BSD-2-Clause
"""How a machine becomes a node: over ssh from the master, or with a token entered on the new node."""
