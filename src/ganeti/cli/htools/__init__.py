# SPDX-License-Identifier: BSD-2-Clause
"""The placement tools: ``hail``, ``hspace`` and the rest of the ``htools``."""
