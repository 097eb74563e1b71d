# SPDX-License-Identifier: BSD-2-Clause
"""Commands of ``gnt-instance`` that change it and show a result; not among its lists, which import no operations."""

from __future__ import annotations

from ganeti.cli.moves import following
from ganeti.cli.runnable import modified, presented
from ganeti.operations.instance.change_group import InstanceChangeGroup
from ganeti.operations.instance.modify import InstanceModify

CHANGE_GROUP = presented(
    InstanceChangeGroup,
    following(
        "Instance {instance_name} need not be moved, exiting.",
        "Instance {instance_name} was moved successfully.",
        "There were errors while the instance was moved.",
    ),
)
MODIFY = presented(InstanceModify, modified("instance", "instance_name"))
