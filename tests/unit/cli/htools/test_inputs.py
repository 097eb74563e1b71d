# SPDX-License-Identifier: BSD-2-Clause
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from ganeti.cli.htools import hinfo
from ganeti.cli.htools.inputs import rapi
from ganeti.cli.htools.inputs.live import Cluster, build
from ganeti.errors import WrongInput
from ganeti.placement.snapshot import NO_NODE, Status, Template

GROUP = {"name": "default", "uuid": "u1", "alloc_policy": "preferred", "ipolicy": {}, "tags": []}
NODE = {
    "name": "node1",
    "mtotal": 4096,
    "mnode": 512,
    "mfree": 3000,
    "dtotal": 9000,
    "dfree": 8000,
    "ctotal": 4,
    "cnos": 1,
    "offline": False,
    "drained": False,
    "vm_capable": True,
    "group.uuid": "u1",
    "tags": ["a"],
    "ndparams": {"spindle_count": 3, "exclusive_storage": False},
    "sptotal": 0,
    "spfree": 0,
    "role": "M",
}
INSTANCE = {
    "name": "web",
    "disk_usage": 1152,
    "status": "running",
    "pnode": "node1",
    "snodes": ["node2"],
    "tags": [],
    "beparams": {"maxmem": 256, "vcpus": 2, "spindle_use": 1, "auto_balance": True},
    "oper_ram": 200,
    "disk_template": "drbd",
    "disk.sizes": [1024],
    "disk.spindles": [None],
    "hypervisor": "kvm",
    "nic.count": 1,
}
SECOND = {**NODE, "name": "node2", "role": "C"}


def cluster(groups=(GROUP,), nodes=(NODE, SECOND), instances=(INSTANCE,), policy=None, templates=("drbd",)):
    return Cluster(groups, nodes, instances, ["t"], policy or {}, "kvm", templates)


def test_rows_of_a_master_become_a_snapshot():
    snapshot = build(cluster(), None).snapshot
    instance = snapshot.instances[0]
    assert (instance.memory, instance.disk, instance.vcpus) == (200, 1152, 2)
    assert (instance.primary, instance.secondary, instance.template) == (0, 1, Template.DRBD)
    assert instance.status is Status.RUNNING
    assert (snapshot.nodes[0].spindles, snapshot.nodes[0].master, snapshot.nodes[1].master) == (3, True, False)


@pytest.mark.parametrize(
    ("templates", "counted"),
    [
        (("sharedfile", "file", "diskless", "plain"), {Template.FILE}),
        (("plain", "file"), {Template.PLAIN, Template.DRBD}),
        (("sharedfile",), {Template.PLAIN, Template.DRBD}),
    ],
)
def test_nodes_have_the_space_of_the_first_enabled_template_with_disks_on_nodes(templates, counted):
    mirrored = {**INSTANCE, "name": "other", "disk_template": "file", "snodes": []}
    snapshot = build(cluster(instances=[INSTANCE, mirrored], templates=templates), None).snapshot
    assert snapshot.counted == counted
    assert [instance.takes_disk for instance in snapshot.instances] == [
        i.template in counted for i in snapshot.instances
    ]


def test_an_instance_without_mirrors_has_no_secondary():
    assert build(cluster(instances=[{**INSTANCE, "snodes": []}]), None).snapshot.instances[0].secondary == NO_NODE


@pytest.mark.parametrize(("disks", "spindles"), [([], 0), ([None], None), ([3, None], 3), ([1, 2], 3), (None, None)])
def test_spindles_are_known_of_an_instance_if_of_any_of_its_disks_or_if_it_has_none(disks, spindles):
    built = build(cluster(instances=[{**INSTANCE, "disk.spindles": disks}]), None)
    assert built.snapshot.instances[0].spindles == spindles


def test_a_node_without_disks_of_its_own_takes_instances_all_the_same():
    node = build(cluster(nodes=[{**NODE, "dtotal": None, "dfree": None}, SECOND]), None).snapshot.nodes[0]
    assert (node.offline, node.total_disk, node.free_disk, node.free_memory) == (False, 0, 0, 3000)


@pytest.mark.parametrize("change", [{"offline": True}, {"vm_capable": False}])
def test_what_an_offline_node_last_said_of_itself_does_not_count(change):
    node = build(cluster(nodes=[{**NODE, **change}, SECOND]), None).snapshot.nodes[0]
    assert (node.offline, node.total_memory, node.free_disk, node.cpus, node.spindles) == (True, 0, 0, 0, 3)


@pytest.mark.parametrize("change", [{"drained": True}, {"vm_capable": False}, {"mfree": None}])
def test_nodes_that_take_no_instances_or_do_not_answer_are_offline(change):
    assert build(cluster(nodes=[{**NODE, **change}, SECOND]), None).snapshot.nodes[0].offline


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"instances": [{**INSTANCE, "pnode": "nix"}]}, "instance web: is on a node 'nix'"),
        ({"nodes": [{**NODE, "group.uuid": "nix"}]}, "node node1: is in a group 'nix'"),
        ({"instances": [{**INSTANCE, "status": "walking"}]}, "instance web: 'walking'"),
        ({"policy": {"vcpu-ratio": "four"}}, "cluster: instance policy: "),
    ],
)
def test_what_does_not_fit_together_is_named(broken, said):
    with pytest.raises(WrongInput, match=said):
        build(cluster(**broken), None)


@pytest.fixture
def api():
    """A remote API that answers with the cluster above, if the right user asks: its address."""
    answers = {
        "/2/info": {"ipolicy": {}, "default_hypervisor": "kvm"},
        "/2/groups?bulk=1": [GROUP],
        "/2/nodes?bulk=1": [NODE, SECOND],
        "/2/instances?bulk=1": [INSTANCE],
        "/2/tags": ["t"],
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            allowed = self.headers.get("Authorization") == "Basic bWU6c2VjcmV0"
            self.send_response(200 if allowed and self.path in answers else 401)
            self.end_headers()
            self.wfile.write(json.dumps(answers.get(self.path)).encode())

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_remote_api_is_asked_with_the_user_of_the_url(api):
    assert len(rapi.load(f"http://me:secret@{api}", None).snapshot.nodes) == 2


def test_a_directory_can_hold_what_a_remote_api_answers(tmp_path):
    for name, answer in (("info", {}), ("groups", [GROUP]), ("nodes", [NODE, SECOND]), ("instances", [INSTANCE])):
        (tmp_path / f"{name}.json").write_text(json.dumps(answer))
    assert len(rapi.load(f"file://{tmp_path}", None).snapshot.nodes) == 2


@pytest.mark.parametrize(("text", "said"), [(None, "No such file"), ("{", "truncated")])
def test_a_directory_of_answers_that_cannot_be_read_is_told_in_one_line(text, said, tmp_path, capsys):
    if text:
        (tmp_path / "info.json").write_text(text)
    assert hinfo.main(["-m", f"file://{tmp_path}"]) == 1
    told = capsys.readouterr().err
    assert f"{tmp_path}/info.json" in told
    assert said in told


def test_the_remote_api_says_no_in_one_line(api, capsys):
    assert hinfo.main(["-m", f"http://me:wrong@{api}"]) == 1
    assert (
        "/2/info: 401 Unauthorized; name a user that it knows, as in https://USER:PASSWORD@HOST:5080"
        in capsys.readouterr().err
    )


def test_a_master_that_is_not_there_is_told_in_one_line(tmp_path, capsys):
    assert hinfo.main(["-L", str(tmp_path / "socket")]) == 1
    assert "The master daemon cannot be reached" in capsys.readouterr().err
