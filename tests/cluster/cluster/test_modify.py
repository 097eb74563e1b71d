# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the cluster."""

import pytest

from ganeti import errors
from ganeti.model.entity import evolve


async def test_parameters_of_the_cluster_are_inherited_by_instances(cluster):
    await cluster.add("web1", start=False)
    await cluster.run("OP_CLUSTER_SET_PARAMS", beparams={"maxmem": "1g", "vcpus": 2})
    assert await cluster.list("instance", "be/maxmem", "be/vcpus", "custom_beparams") == [[1024, 2, {}]]
    await cluster.run("OP_CLUSTER_SET_PARAMS", beparams={"maxmem": "default"})
    assert await cluster.list("instance", "be/maxmem", "be/vcpus") == [[128, 2]]


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({}, "Nothing to change"),
        ({"hvparams": {"kvm": {"nope": 1}}}, "Parameter 'hvparams' of kvm: there is no parameter 'nope'"),
        ({"hvparams": {"vmware": {}}}, "'vmware' is not supported; choose from kvm, fake"),
        ({"hvparams": {"kvm": {"disk_cache": "fast"}}}, "'fast' is not allowed; choose from default, none, write"),
        ({"mac_prefix": "zz"}, "not the beginning of a MAC address"),
        ({"candidate_pool_size": 0}, "expected a whole number of at least 1"),
        ({"file_storage_dir": "relative"}, "is not an absolute path"),
        ({"ipolicy": {"vcpu-ratio": "many"}}, "Parameter 'vcpu-ratio'"),
        ({"enabled_disk_templates": ["drbd"]}, "'drbd' is not supported; choose from diskless, file, sharedfile"),
        ({"vg_name": "xenvg"}, "Parameter 'vg_name' is not supported yet"),
        ({"beparams": {"minmem": "2g", "maxmem": "1g"}}, "more than maxmem"),
    ],
)
async def test_bad_parameters_are_told_and_change_nothing(cluster, parameters, told):
    before = cluster.state
    with pytest.raises(errors.WrongInput) as caught:
        await cluster.run("OP_CLUSTER_SET_PARAMS", **parameters)
    assert told in caught.value.message
    assert cluster.state is before


async def test_what_instances_use_cannot_be_switched_off(cluster):
    await cluster.add("web1")
    with pytest.raises(errors.WrongState, match="'sharedfile' is in use by instance web1"):
        await cluster.run("OP_CLUSTER_SET_PARAMS", enabled_disk_templates=["file"])


async def test_a_larger_pool_promotes_nodes(cluster):
    await cluster.master.configuration.commit([evolve(cluster.node("node3"), master_candidate=False)])
    await cluster.run("OP_CLUSTER_SET_PARAMS", candidate_pool_size=5)
    assert await cluster.list("node", "role") == [["M"], ["C"], ["C"]]
