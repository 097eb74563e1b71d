#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Packages start nothing while an image is made (invoke-rc.d(8)).
exit 101
