# SPDX-License-Identifier: BSD-2-Clause
"""The master daemon: one process that holds the state, runs all jobs and calls all nodes."""
