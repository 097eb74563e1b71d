# SPDX-License-Identifier: BSD-2-Clause
"""Commands that are more than one operation: what they show, and what they refuse."""

import json

import pytest
import yaml

from ganeti import VERSION
from ganeti.cli import node_add
from ganeti.errors import EXIT_NOT_CLUSTER, ExecutionFailed
from ganeti.host.paths import ROOT_VARIABLE
from ganeti.model.instance import AdminState


def pairs(ended):
    """``key: value`` lines of a description."""
    found = (line.strip().removeprefix("- ").partition(": ") for line in ended.lines)
    return {key: value for key, _, value in found if value}


def test_the_master_is_told_without_asking_the_master_daemon(gnt, monkeypatch, tmp_path, served):
    assert gnt("cluster", "getmaster").output == "node1\n"
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    ended = gnt("cluster", "getmaster")
    assert (ended.status, ended.errors) == (EXIT_NOT_CLUSTER, "Cluster not initialized\n")


def test_the_cluster_is_described(gnt):
    told = pairs(gnt("cluster", "info"))
    assert (told["Cluster name"], told["Master node"], told["Enabled hypervisors"]) == ("cluster", "node1", "fake")
    assert told["candidate pool size"] == "3"


def test_versions_are_told(gnt):
    told = pairs(gnt("cluster", "version"))
    assert told["Software version"] == VERSION
    assert told["OS api version"] == "20"


def test_a_drained_queue_takes_no_jobs_until_it_is_opened_again(gnt):
    assert gnt("cluster", "queue", "drain").status == 0
    assert gnt("cluster", "queue", "info").output == "The drain flag is set\n"
    refused = gnt("debug", "delay", "0")
    assert refused.status == 1
    assert "use 'gnt-cluster queue undrain' to undrain it" in refused.errors
    assert gnt("cluster", "queue", "undrain").status == 0
    assert gnt("debug", "delay", "0").status == 0


def test_a_queue_can_do_nothing_else(gnt):
    ended = gnt("cluster", "queue", "burn")
    assert ended.status == 1
    assert "choose from drain, undrain, info" in ended.errors


def test_a_cluster_is_destroyed_on_purpose_only_and_not_while_it_is_in_use(gnt, cluster):
    ended = gnt("cluster", "destroy")
    assert (ended.status, "--yes-do-it" in ended.errors) == (1, True)
    ended = gnt("cluster", "destroy", "--yes-do-it")
    assert ended.status == 1
    assert "There are still 3 instance(s)" in ended.errors
    assert cluster.instance("web1")


def test_verify_follows_its_jobs_and_its_status_tells_what_they_found(gnt, cluster):
    good = gnt("cluster", "verify")
    assert (good.status, good.errors) == (0, "")
    assert "Verifying instance status" in good.output
    guest = cluster.nodes["node1"].hypervisor()
    guest.end("web2")
    bad = gnt("cluster", "verify", "--error-codes")
    assert bad.status == 1
    assert "ERROR:EINSTANCEDOWN:instance:web2:should be running on node1, but is not" in bad.output
    assert gnt("cluster", "verify", "-I", "EINSTANCEDOWN").status == 0
    assert gnt("instance", "startup", "web2").status == 0


def test_an_instance_is_described(gnt):
    ended = gnt("instance", "info", "web1")
    told = pairs(ended)
    assert (told["Instance name"], told["State"], told["maxmem"]) == (
        "web1",
        "configured to be up, actual state is up",
        "2048",
    )
    assert told["spindle_use"] == "default (1)"
    assert "actual state" not in gnt("instance", "info", "--static", "web1").output


def test_of_all_instances_each_is_described(gnt):
    ended = gnt("instance", "info", "--all")
    names = [line.partition(": ")[2] for line in ended.lines if line.startswith("- Instance name")]
    assert names == ["db1", "web1", "web2"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["instance", "info"], "No instance selected; give names, or --all"),
        (["instance", "info", "web9"], "'web9' not known"),
        (["node", "info", "node9"], "'node9' not known"),
        (["os", "info", "vms"], "OS 'vms' not known"),
        (["instance", "startup"], "No instances given"),
        (["instance", "startup", "web9"], "'web9' not known"),
        (["instance", "console", "db1"], "db1 is not running, so it has no console"),
        (["instance", "migrate", "-f", "-n", "node9", "web1"], "node9"),
        (["instance", "add", "-t", "floppy", "x"], "floppy"),
        (
            ["instance", "add", "-t", "file", "--disk", "0:size=x", "-n", "node1", "--no-name-check", "x"],
            "'x' is not a size",
        ),
        (["instance", "add", "-t", "file", "--disk", "size=1g", "-n", "node1", "x"], "--disk"),
        (["instance", "add", "-t", "diskless", "--disk", "0:size=1g", "x"], "cannot be used"),
        (["instance", "add", "-t", "file", "--no-nics", "--net", "0:", "x"], "mutually exclusive"),
        (["instance", "add", "--commit", "--no-nics", "x"], "--no-nics and --commit are mutually exclusive"),
        (["instance", "add", "--commit", "x"], "Instance 'x' not known"),
        (["cluster", "modify", "--uid-pool", "4000-"], "'4000-' is not a range of user IDs"),
        (["node", "modify", "node2"], "Nothing to change"),
        (["node", "modify", "--offline", "maybe", "node2"], "'maybe' is neither yes nor no"),
        (["node", "remove", "node1"], "The master node cannot be removed"),
        (["node", "join", "nonsense"], "not a complete token"),
        (["node", "invite", "--valid", "soon", "node4"], "'soon' is not an age"),
        (["cluster", "modify"], "Nothing to change"),
        (["cluster", "modify", "--candidate-pool-size", "0"], "candidate_pool_size"),
        (["cluster", "modify", "--ipolicy-bounds-specs", "min:a=1"], "must have a min:... and a max:... part"),
        (["job", "autoarchive", "often"], "'often' is not an age"),
        (["job", "cancel"], "Give either job IDs or one of --pending"),
        (["job", "cancel", "--kill", "1"], "--kill needs --yes-do-it"),
        (["job", "change-priority", "1"], "--priority is missing"),
        (["debug", "delay", "soon"], "'soon' is not a number"),
    ],
)
def test_what_cannot_be_is_one_clear_line(gnt, words, told):
    ended = gnt(*words)
    assert ended.status in (1, 2)
    assert told in ended.errors
    assert "Traceback" not in ended.errors
    assert "error in the program" not in ended.errors


def test_a_node_is_described(gnt):
    told = pairs(gnt("node", "info", "node2"))
    assert (told["Node name"], told["primary ip"], told["master candidate"]) == ("node2", "10.0.0.2", "True")


def test_a_changed_node_is_told_what_changed(gnt):
    assert gnt("node", "modify", "--drained=yes", "node3").lines == [
        "Modified node node3",
        " - master_candidate -> False",
        " - drained -> True",
    ]
    assert gnt("node", "modify", "--drained=no", "node3").status == 0


def test_a_flag_that_switches_off_does(gnt, cluster):
    options = ("--no-name-check", "--no-ip-check", "--no-install", "--no-nics", "--no-start")
    assert gnt("instance", "add", "-t", "diskless", "-n", "node3", *options, "new1").status == 0
    assert (cluster.instance("new1").nics, cluster.instance("new1").admin_state) == ((), AdminState.DOWN)
    assert gnt("instance", "remove", "-f", "new1").status == 0


def test_a_value_that_is_none_is_told_once(gnt):
    ended = gnt("instance", "reboot", "-t", "warm", "web1")
    (line,) = ended.errors.splitlines()
    assert "'warm' is not allowed; choose from soft, hard, full" in line
    assert "'instance_name'" not in line
    assert len(gnt("instance", "reboot", "-t", "warm", "--shutdown-timeout=-4", "web1").errors.splitlines()) == 2


def test_a_dry_run_changes_nothing(gnt, cluster):
    options = ("--no-name-check", "--no-install", "--dry-run")
    assert gnt("instance", "add", "-t", "diskless", "-n", "node3", *options, "new2").status == 0
    assert gnt("instance", "list", "new2").status == 1


@pytest.mark.parametrize(
    "words",
    [
        ("group", "modify", "--node-parameters=spindle_count=12", "default"),
        ("node", "modify", "--drained=yes", "node3"),
        ("instance", "modify", "-t", "drbd", "-n", "node3", "files1"),
        ("instance", "activate-disks", "files1"),
        ("cluster", "repair-disk-sizes"),
    ],
)
def test_a_dry_run_claims_no_change(gnt, words):
    options = ("--no-name-check", "--no-ip-check", "--no-install", "--no-start", "--disk=0:size=1g")
    assert gnt("instance", "add", "-t", "sharedfile", "-n", "node2", *options, "files1").status == 0
    script, command, *rest = words
    ended = gnt(script, command, "--dry-run", *rest)
    assert (ended.status, ended.errors) == (0, "")
    *would, last = ended.output.splitlines()
    assert last == "Checked only; nothing was changed"
    assert all(line.startswith(("Would ", "Risk: ")) for line in would)
    assert gnt("instance", "remove", "-f", "files1").status == 0


@pytest.fixture
def batch(tmp_path):
    def write(content):
        path = tmp_path / "instances.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)

    return write


def test_a_file_of_instances_is_created_and_each_failure_told(gnt, cluster, batch):
    common = {"mode": "create", "disk_template": "diskless", "disks": [], "nics": [], "no_install": True}
    common |= {"name_check": False, "ip_check": False}
    good = {**common, "instance_name": "batch1", "pnode": "node3"}
    bad = {**common, "instance_name": "batch2", "pnode": "node9"}
    ended = gnt("instance", "batch-create", batch([good, bad]))
    assert ended.status == 1
    assert "for batch2 has failed: " in ended.errors
    assert cluster.instance("batch1")
    assert gnt("instance", "remove", "-f", "batch1").status == 0


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "is not JSON"),
        ("{}", "must hold a list of objects"),
        ("[1]", "must hold a list of objects"),
        ([{"colour": 1}], "colour"),
    ],
)
def test_a_file_that_makes_no_sense_is_told_so(gnt, batch, content, told):
    ended = gnt("instance", "batch-create", batch(content))
    assert ended.status == 1
    assert told in ended.errors


def test_a_file_that_is_not_there_is_told_so(gnt, tmp_path):
    ended = gnt("instance", "batch-create", str(tmp_path / "nothing"))
    assert (ended.status, "No such file" in ended.errors) == (1, True)


def test_locks_that_are_held_are_shown_with_who_waits(gnt):
    gnt("debug", "delay", "--submit", "-n", "node3", "--no-master", "30")
    blocked = gnt("node", "modify", "--submit", "--drained=yes", "node3").output.removeprefix("JobID: ").strip()
    lines = [line.split() for line in gnt("debug", "locks", "--no-headers").lines]
    (row,) = [line for line in lines if line[0] == "node/node3"]
    assert row[1] == "exclusive"
    assert row[2].startswith("job/")
    assert row[3] == f"exclusive:job/{blocked}"
    assert gnt("job", "cancel", blocked).status == 0


def test_the_description_of_an_instance_is_yaml_with_the_names_that_scripts_look_for(gnt):
    (told,) = yaml.safe_load(gnt("instance", "info", "web1").output)
    assert told["State"] == "configured to be up, actual state is up"
    (disk,), (card,) = told["Disks"], told["NICs"]
    assert disk["disk/0"] == "sharedfile, size 64M"
    assert disk["on primary"].startswith("/")
    assert {"nic/0", "MAC", "IP", "network", "link"} <= set(card)
    assert told["Nodes"][0]["primary"] == "node1"
    assert told["Back-end parameters"]["vcpus"] == 2


@pytest.mark.parametrize(
    ("given", "port"), [((), 2222), (("--node-parameters", "ssh_port=23"), 23), (("--readd",), 2222)]
)
def test_a_node_is_set_up_over_the_ssh_port_that_it_will_have(gnt, monkeypatch, given, port):
    asked = []

    def remote_setup(address, port, values):
        asked.append(port)
        raise ExecutionFailed("no machine is there")

    monkeypatch.setattr(node_add, "_resolved", lambda session, name: (name, "10.0.0.3" if "3" in name else "10.0.0.9"))
    monkeypatch.setattr(node_add, "_remote_setup", remote_setup)
    assert gnt("group", "modify", "--node-parameters", "ssh_port=2222", "default").errors == ""
    ended = gnt("node", "add", *given, "node3" if given == ("--readd",) else "node9")
    assert gnt("group", "modify", "--node-parameters", "ssh_port=default", "default").errors == ""
    assert (ended.status, asked) == (1, [port])


def test_a_size_that_was_rounded_up_is_shown_as_it_counts(gnt):
    ended = gnt("instance", "modify", "-B", "maxmem=513m,minmem=128", "db1")
    assert " - be/maxmem -> 516" in ended.lines, ended.errors
