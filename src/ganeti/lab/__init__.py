# SPDX-License-Identifier: BSD-2-Clause
"""A whole cluster on one machine: nodes in namespaces, a tiny guest, and the demonstration that uses both."""
