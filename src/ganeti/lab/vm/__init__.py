# SPDX-License-Identifier: BSD-2-Clause
"""A lab whose nodes are virtual machines: with kernels of their own, and therefore LVM, DRBD, KVM, NFS."""
