# SPDX-License-Identifier: BSD-2-Clause
"""A cluster of physical machines managed as one, keeping virtual machines running."""

VERSION = "4.0.0"
