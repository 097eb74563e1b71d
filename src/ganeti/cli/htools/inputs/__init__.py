# SPDX-License-Identifier: BSD-2-Clause
"""The sources of clusters for the htools: one file per backend, chosen by the options of htools(1)."""
