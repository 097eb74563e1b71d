# SPDX-License-Identifier: BSD-2-Clause
"""What is asked before an instance takes a name that nobody has looked up."""

from ganeti.errors import EXIT_CONFIRMATION


def names(cluster):
    return {instance.name for instance in cluster.state.instances}


def test_a_name_that_is_not_looked_up_is_asked_about(gnt, cluster, terminal):
    terminal.append("n")
    ended = gnt("instance", "rename", "--no-name-check", "db1", "db2")
    assert ended.status == EXIT_CONFIRMATION
    assert "make sure that 'db2' is the full one" in ended.output
    assert "db1" in names(cluster)


def test_the_new_name_is_told(gnt, cluster, terminal):
    terminal.append("y")
    assert gnt("instance", "rename", "--no-name-check", "db1", "DB2").output.endswith("Instance db1 is db2 now\n")
    assert gnt("instance", "rename", "--no-name-check", "-f", "db2", "db1").status == 0
    assert "db1" in names(cluster)


def test_a_name_that_is_looked_up_needs_no_answer(gnt, cluster):
    cluster.resolver.names["db2.example.com"] = "192.0.2.7"
    assert gnt("instance", "rename", "db1", "db2.example.com").status == 0
    assert gnt("instance", "rename", "-f", "--no-name-check", "db2", "db1").status == 0


def test_a_dry_run_asks_nothing_and_changes_nothing(gnt, cluster):
    assert gnt("instance", "rename", "--dry-run", "--no-name-check", "db1", "db2").status == 0
    assert "db1" in names(cluster)
