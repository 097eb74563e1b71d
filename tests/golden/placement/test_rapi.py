# SPDX-License-Identifier: BSD-2-Clause
"""``-m`` against what the remote API of a real Ganeti 3.0.2 answered, recorded.

Both clusters have one node and the fake hypervisor: ``diskless`` allows diskless and sharedfile disks only, so that its
node reports no disk space; ``file`` has a node with parameters of its own, a group without nodes and a forthcoming
instance as well. ``hscan.data`` is what Ganeti's own ``hscan`` made of the same answers.
"""

from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from ganeti.cli.htools import hbal, hcheck, hscan
from ganeti.cli.htools.inputs import rapi

RECORDED = Path(__file__).with_name("rapi")


class Recorded(SimpleHTTPRequestHandler):
    """``/2/nodes?bulk=1`` is the file ``nodes.json``."""

    def translate_path(self, path):
        name = path.removeprefix("/2/").partition("?")[0]
        return str(Path(self.directory) / f"{name}.json")

    def log_message(self, *_):
        pass


@pytest.fixture(params=["diskless", "file"])
def cluster(request):
    """A recorded cluster's directory, and where it can be asked."""
    directory = RECORDED / request.param

    def handler(*words):
        return Recorded(*words, directory=str(directory))

    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield directory, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def without_cpu_speed(text):
    """Ganeti's tools have the processors' speed over LUXI, and do not ask the remote API for it. Ours do."""
    first, nodes, rest = text.split("\n\n", 2)
    return first, [line.rpartition("|")[0] for line in nodes.splitlines()], rest


def test_hscan_saves_what_ganetis_own_does(cluster, tmp_path):
    directory, url = cluster
    assert hscan.main([url, "-d", str(tmp_path)]) == 0
    (saved,) = tmp_path.iterdir()
    assert without_cpu_speed(saved.read_text()) == without_cpu_speed((directory / "hscan.data").read_text())


def test_what_a_node_can_do_is_known(cluster):
    directory, url = cluster
    (node,) = rapi.load(url, None).snapshot.nodes
    assert not node.offline
    assert (node.cpu_speed, node.spindles, node.total_disk > 0) == (
        (1.5, 3, True) if directory.name == "file" else (1.0, 1, False)
    )


def test_a_group_without_nodes_is_in_nobodys_way(cluster, capsys):
    _, url = cluster
    assert hbal.main(["-m", url]) == 0
    assert "Selected node group: default" in capsys.readouterr().out
    assert hcheck.main(["-m", url]) == 1
    assert "group spare" not in capsys.readouterr().out


def test_a_second_node_without_disk_space_is_scored_as_by_ganetis_own(tmp_path, capsys):
    text = (RECORDED / "diskless" / "hscan.data").read_text()
    (node,) = (line for line in text.splitlines() if line.startswith("node1"))
    data = tmp_path / "two.data"
    data.write_text(text.replace(node, node + "\n" + node.replace("node1", "node2").replace("|M|", "|N|")))
    assert hbal.main(["-t", str(data)]) == 0
    assert "Cluster score improved from 16.75618129 to 3.25709396" in capsys.readouterr().out
