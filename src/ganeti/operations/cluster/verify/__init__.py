# SPDX-License-Identifier: BSD-2-Clause
"""Finding out what is wrong: a table of checks (``checks/``), and what asks nodes for all of them at once."""
