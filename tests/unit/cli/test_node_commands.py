# SPDX-License-Identifier: BSD-2-Clause
"""``gnt-cluster command`` and ``copyfile`` with an ssh that stays on this machine, ``gnt-node restricted-command``."""

import os

import pytest

from ganeti.cli import remote
from ganeti.node import restricted

RULE = "-" * 48
# Tells where it was to go, and runs the command here, each node in a root of its own.
SSH = """\
#!/bin/sh
for last; do case $last in root@*) node=${last#root@};; esac; done
echo "$*" >>"$PLACE/asked"
cd "$PLACE/$node" 2>/dev/null || { echo "ssh: connect to host $node: No route to host" >&2; exit 255; }
exec sh -c "$last"
"""


@pytest.fixture
def ssh(tmp_path, monkeypatch):
    """The directory where node2 and node3 are."""
    program = tmp_path / "bin/ssh"
    program.parent.mkdir()
    program.write_text(SSH)
    program.chmod(0o755)
    for node in ("node2", "node3"):
        (tmp_path / node).mkdir()
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    monkeypatch.setenv("PLACE", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path / "bin"))
    return tmp_path


def asked(ssh):
    """The first line of what ssh was told each time."""
    return sorted(line for line in (ssh / "asked").read_text().splitlines() if "root@" in line)


@pytest.fixture
def offline(background, cluster):
    """node3 is."""
    background.do(cluster.run("OP_NODE_SET_PARAMS", node_name="node3", offline=True, force=True))
    yield
    background.do(cluster.run("OP_NODE_SET_PARAMS", node_name="node3", offline=False))


def test_each_node_has_a_block_and_the_master_the_last(gnt, ssh):
    ended = gnt("cluster", "command", "basename", "$PWD")
    assert ended.lines == [
        *(RULE, "node: node2", "node2", "", "return code = 0"),
        *(RULE, "node: node3", "node3", "", "return code = 0"),
        *(RULE, "node: node1", "bin", "", "return code = 0"),
    ]
    assert ended.status == 0


def test_names_stand_before_each_line_and_options_of_the_command_are_its_own(gnt, ssh):
    ended = gnt("cluster", "command", "-M", "-n", "node2", "printf", "%s\\\\n", "-n", "-M", "--", "--failure-only")
    assert ended.lines == [
        RULE,
        *(f"node2: {word}" for word in ("-n", "-M", "--", "--failure-only")),
        "return code = 0",
    ]
    assert gnt("cluster", "command", "-n", "node2", "--", "echo", "-M").lines[2] == "-M"


def test_it_fails_if_the_command_does_anywhere_and_can_be_silent_of_the_others(gnt, ssh):
    (ssh / "node3").rmdir()
    ended = gnt("cluster", "command", "--failure-only", "-M", "true")
    assert ended.status == 1
    assert ended.lines == [RULE, "node3: ssh: connect to host node3: No route to host", "return code = 255"]
    assert gnt("cluster", "command", "-n", "node2", "exit 3").lines[-1] == "return code = 3"


def test_ssh_asks_for_nothing_and_gives_up_on_the_dead(gnt, ssh, background, cluster):
    background.do(cluster.run("OP_NODE_SET_PARAMS", node_name="node2", ndparams={"ssh_port": 2222}))
    gnt("cluster", "command", "-n", "node2", "true")
    background.do(cluster.run("OP_NODE_SET_PARAMS", node_name="node2", ndparams={"ssh_port": "default"}))
    (line,) = asked(ssh)
    assert "-o BatchMode=yes" in line
    assert "-o ServerAliveInterval=15" in line
    assert line.endswith("-p 2222 root@node2 -- true")


def test_offline_nodes_are_left_out_and_told(gnt, ssh, offline):
    ended = gnt("cluster", "command", "-g", "default", "true")
    assert ended.errors == "Note: skipping offline node(s): node3\n"
    assert [line for line in ended.lines if line.startswith("node: ")] == ["node: node2", "node: node1"]
    assert "All of these nodes are marked offline" in gnt("cluster", "command", "-n", "node3", "true").errors
    assert "nonesuch" in gnt("cluster", "command", "-n", "nonesuch", "true").errors
    assert "nonesuch" in gnt("cluster", "command", "-g", "nonesuch", "true").errors


def test_what_prints_without_end_is_killed(gnt, ssh, monkeypatch):
    monkeypatch.setattr(remote, "MOST_PRINTED", 1000)
    ended = gnt("cluster", "command", "-M", "-n", "node2", "yes")
    assert ended.status == 1
    assert "printed more than 1000 bytes, and was killed" in ended.output


@pytest.fixture
def file(ssh):
    """Each node would have it at the same place, were it not this machine; so the place is where the node is."""
    path = ssh / "bin/data"
    path.write_bytes(b"content \x00\n" * 1000)
    path.chmod(0o640)
    os.utime(path, (10**9, 10**9 + 0.5))
    return path


def taken(ssh, file, node, script=None):
    """What a node's shell makes of the file, with its own directories."""
    place = ssh / node / "bin"
    place.mkdir(exist_ok=True)
    (place / "data").write_text("old")
    script = (script or remote.taking(file, file.stat())).replace(str(ssh), str(ssh / node))
    with file.open("rb") as content:
        return place, os.spawnvp(os.P_WAIT, "sh", ["sh", "-c", f"exec <{file}; {script}"]), content


def test_a_copy_has_content_mode_owner_and_time_and_nothing_else_is_left(ssh, file):
    place, status, _ = taken(ssh, file, "node2")
    assert status == 0
    assert [path.name for path in place.iterdir()] == ["data"]
    copied, original = (place / "data").stat(), file.stat()
    assert (place / "data").read_bytes() == file.read_bytes()
    assert (copied.st_mode, copied.st_uid, copied.st_gid) == (original.st_mode, original.st_uid, original.st_gid)
    assert int(copied.st_mtime) == int(original.st_mtime)


def test_what_does_not_come_through_whole_leaves_what_was_there(ssh, file):
    script = remote.taking(file, file.stat())
    file.write_bytes(b"half")
    place, status, _ = taken(ssh, file, "node2", script)
    assert status != 0
    assert [(path.name, path.read_text()) for path in place.iterdir()] == [("data", "old")]


def test_it_is_copied_to_all_other_nodes_and_whoever_lacks_it_is_named(gnt, ssh, file):
    (ssh / "node3").rmdir()
    ended = gnt("cluster", "copyfile", str(file))
    assert (ended.status, ended.output) == (1, "")
    told = "failed: ssh: connect to host node3: No route to host"
    assert ended.errors == f"Copy of file {file} to node node3 {told}\n"
    assert ["root@node1" in line for line in asked(ssh)] == [False, False]


def test_only_files_are_copied(gnt, ssh):
    missing = ssh / "nonesuch"
    for path, told in ((ssh, f"{ssh} is not a file that can be copied"), (missing, f"There is no file {missing}")):
        ended = gnt("cluster", "copyfile", str(path))
        assert (ended.status, ended.errors.splitlines()[-1]) == (1, told)


def test_the_replication_network_is_used_if_a_node_has_another_address_there(gnt, ssh, file, background, cluster):
    background.do(cluster.run("OP_NODE_SET_PARAMS", node_name="node2", secondary_ip="10.9.0.2"))
    gnt("cluster", "copyfile", "--use-replication-network", "-n", "node2", "-n", "node3", str(file))
    background.do(cluster.run("OP_NODE_SET_PARAMS", node_name="node2", secondary_ip="10.0.0.2"))
    first, second = sorted(asked(ssh), key=lambda line: "root@node3" in line)
    assert "-o HostName=10.9.0.2 -o HostKeyAlias=node2" in first
    assert "HostName" not in second


@pytest.fixture
def allowed(cluster, monkeypatch):
    """node1 and node2 allow a command."""
    monkeypatch.setattr(restricted, "PENALTY", 0.0)
    monkeypatch.setattr(restricted, "OWNER", (os.getuid(), os.getgid()))
    for node in ("node1", "node2"):
        place = cluster.nodes[node].paths.restricted_commands
        place.mkdir(parents=True, exist_ok=True)
        place.chmod(0o755)
        (place / "uptime").write_text("#!/bin/sh\necho up\n")
        (place / "uptime").chmod(0o755)


def test_restricted_commands_are_shown_as_ganeti_does(gnt, allowed):
    ended = gnt("node", "restricted-command", "uptime", "node2", "node3")
    assert ended.status == 1
    assert ended.lines[-6:] == [
        *(RULE, "Node: node2", "up", ""),
        *(RULE, "On node node3: The command cannot be run; the reason is in the log of the node daemon there"),
    ]
    ended = gnt("node", "restricted-command", "-M", "--sync", "uptime", "node2", "node1")
    assert (ended.status, ended.lines[-4:]) == (0, [RULE, "node2: up", RULE, "node1: up"])


def test_they_are_run_in_a_group_or_everywhere_but_not_where_a_node_is_offline(gnt, allowed, offline):
    for words in ([], ["-g", "default"]):
        ended = gnt("node", "restricted-command", "-M", *words, "uptime")
        assert ended.status == 0, ended.errors
        assert ended.errors == "Note: skipping offline node(s): node3\n"
