# SPDX-License-Identifier: BSD-2-Clause
"""The output of the htools: tables of nodes, instances and terms, steps and commands."""
