# SPDX-License-Identifier: BSD-2-Clause
"""What the htools print: tables of nodes, instances and terms, steps and commands."""
