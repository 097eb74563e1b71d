# SPDX-License-Identifier: BSD-2-Clause
"""What verify says of a cluster on paper."""

from ganeti.model.entity import evolve


async def verify(cluster, **parameters):
    """(whether all is well, what was found)."""
    result = await cluster.run("OP_CLUSTER_VERIFY", **parameters)
    good, said = True, []
    for _, number in result["jobs"]:
        job = await cluster.finished(number)
        assert str(job.status) == "success", job
        good = good and job.steps[0].result
        said += cluster.log(number)
    return good, [line.strip(" -") for line in said if line.startswith(("  - ERROR", "  - WARNING"))]


async def found(cluster, **parameters):
    """The findings with their codes, ``CODE:item:text``; a warning begins with ``WARNING:``."""
    _, said = await verify(cluster, error_codes=True, **parameters)
    return [_without_domain(line) for line in said]


def _without_domain(line):
    level, code, _, rest = line.split(":", 3)
    return f"{'WARNING:' if level == 'WARNING' else ''}{code}:{rest}"


def mirrored(instance, secondary):
    """The instance with disks that another node holds too."""
    disks = tuple(evolve(disk, nodes=(instance.primary_node, secondary)) for disk in instance.disks)
    return evolve(instance, disks=disks)
