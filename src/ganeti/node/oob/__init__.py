# SPDX-License-Identifier: BSD-2-Clause
"""Out-of-band programs that come with this software: a file for each kind of controller, with two functions."""
