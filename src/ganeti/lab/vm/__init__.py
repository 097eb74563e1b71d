# SPDX-License-Identifier: BSD-2-Clause
"""A lab whose nodes are virtual machines: with a kernel of their own, and so with LVM, DRBD, KVM, NFS."""
