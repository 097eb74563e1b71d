# SPDX-License-Identifier: BSD-2-Clause
"""Finding problems: a table of checks (``checks/``), and the runner that queries nodes for all of them at once."""
