# SPDX-License-Identifier: BSD-2-Clause
"""What there is of the interfaces of Ganeti 3.0.2: ``./run compat``."""
