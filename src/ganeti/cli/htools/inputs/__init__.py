# SPDX-License-Identifier: BSD-2-Clause
"""Where the htools get a cluster from: one file a backend, chosen by the options of htools(1)."""
