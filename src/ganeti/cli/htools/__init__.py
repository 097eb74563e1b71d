# SPDX-License-Identifier: BSD-2-Clause
"""The htools: hbal, hinfo and their siblings, over ``ganeti.placement``, without the rest of ``cli``."""
