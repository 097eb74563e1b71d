# SPDX-License-Identifier: BSD-2-Clause
"""Whom a QEMU belongs to once it has given up root's rights (parameters ``security_model``, ``security_domain``)."""

from __future__ import annotations

import pwd

from ganeti.model.parameters.hypervisor import KvmParameters
from ganeti.node.hypervisor.kvm.plan import refused


def owner_of(wanted: KvmParameters) -> pwd.struct_passwd | None:
    """None if it stays root. Raises WrongInput for a user that this node does not have."""
    if wanted.security_model != "user":
        return None
    try:
        return pwd.getpwnam(wanted.security_domain)
    except KeyError:
        raise refused("security_domain", f"there is no user '{wanted.security_domain}' on this node") from None
