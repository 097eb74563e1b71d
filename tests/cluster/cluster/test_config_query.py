# SPDX-License-Identifier: BSD-2-Clause
"""Single values of the cluster's configuration."""

import pytest

from ganeti import errors
from ganeti.config.store import FORMAT


async def test_values_come_in_the_order_in_which_they_are_asked_for(cluster):
    fields = ["master_node", "cluster_name", "drain_flag", "config_version", "tags", "term"]
    values = ["node1", "cluster", False, FORMAT, [], 1]
    assert await cluster.run("OP_CLUSTER_CONFIG_QUERY", output_fields=fields) == values
    assert await cluster.call("QueryConfigValues", fields) == values
    assert await cluster.list("cluster", *fields) == [values]


async def test_a_value_that_there_is_not_is_refused_with_those_that_there_are(cluster):
    with pytest.raises(errors.WrongInput, match="no configuration value 'nope'; known are architecture, cluster_name"):
        await cluster.run("OP_CLUSTER_CONFIG_QUERY", output_fields=["nope"])
