# SPDX-License-Identifier: BSD-2-Clause
"""--mond and --mond-data: measured loads on the command line, from a file and from daemons that answer over HTTP."""

import errno
import json
import os
import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import pytest

from ganeti.cli.htools import hail, hbal, hcheck, hinfo
from ganeti.cli.htools.inputs import mond
from tests.unit.placement.allocator.messages import allocation, message, node
from tests.unit.placement.reports import CLUSTER, FILES, load_of_guests, load_of_node, report, right

NODES = ("127.0.0.2", "127.0.0.3", "127.0.0.4")  # names of nodes that need no name service


@pytest.fixture
def run(tmp_path, capsys):
    """Run a tool on the cluster: exit status, standard output, standard error."""

    def run_with(tool, *words, text=CLUSTER):
        file = tmp_path / "cluster.data"
        file.write_text(text)
        status = tool.main(["-t", str(file), *words])
        said = capsys.readouterr()
        return status, said.out, said.err

    return run_with


@pytest.fixture
def reports(tmp_path):
    file = tmp_path / "reports.json"
    file.write_text(FILES["right"])
    return str(file)


class _Daemons:
    """Monitoring daemons on several addresses and one port. ``says``: by address and collector, status and body."""

    def __init__(self) -> None:
        self.says: dict[tuple[str, str], tuple[int, bytes]] = {}
        self.asked: list[str] = []
        self.hanging = Event()
        self._servers: list[ThreadingHTTPServer] = []

    def start(self, addresses):
        for address in addresses:
            self._servers.append(ThreadingHTTPServer((address, self.port), self._handler()))
            Thread(target=self._servers[-1].serve_forever, args=(0.01,), daemon=True).start()

    @property
    def port(self) -> int:
        return self._servers[0].server_address[1] if self._servers else 0

    def stop(self):
        self.hanging.set()
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def _handler(self):
        daemons = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                address = self.server.server_address[0]
                daemons.asked.append(address + self.path)
                status, body = daemons.says.get((address, self.path.rpartition("/")[2]), (404, b"no such thing"))
                if not status:
                    daemons.hanging.wait()
                    return
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        return Handler


@pytest.fixture
def daemons(monkeypatch):
    made = _Daemons()
    made.start(NODES)
    monkeypatch.setattr(mond, "PORT", made.port)
    for number, address in enumerate(NODES):
        for said in right()[number]["reports"]:
            made.says[address, said["name"]] = (200, json.dumps(said).encode())
    yield made
    made.stop()


def by_address(text=CLUSTER):
    """The cluster with nodes whose names are addresses."""
    for number, address in enumerate(NODES):
        text = text.replace(f"n{number}.x.org", address)
    return text


def load_term(out):
    return next(line.split()[1] for line in out.splitlines() if "cpu_load_cv" in line)


def test_a_file_counts_with_mond_only(run, reports):
    assert load_term(run(hinfo, "--mond", "--mond-data", reports)[1]) == "2.49443826"
    _, out, err = run(hinfo, "--mond-data", reports)
    assert (load_term(out), err) == ("0.47140452", "Warning: --mond-data counts only together with --mond\n")
    assert load_term(run(hinfo, "--mond=no", "--mond-data", reports)[1]) == "0.47140452"


def test_ignored_loads_are_not_even_asked_for(run):
    assert load_term(run(hinfo, "--mond", "--mond-data", "/nowhere", "--ignore-dynu")[1]) == "0.00000000"


def test_tables_show_what_was_measured(run, reports):
    _, _, err = run(hinfo, "--mond", "--mond-data", reports, "-pname,cload", "--print-instances")
    assert [line.split() for line in err.splitlines() if line.startswith(" n")] == [
        ["n0", "8.000"],
        ["n1", "4.000"],
        ["n2", "2.000"],
    ]
    assert "4.000 1.000 1.000 1.000" in next(line for line in err.splitlines() if "i0.x.org" in line)


def test_hbal_moves_away_from_busy_processors(run, reports):
    _, out, _ = run(hbal, "--mond", "--mond-data", reports, "-l", "1", "-g", "0")
    assert "1. i1 n0:n2 => n2:n1   2.56683053 a=f r:n1" in out
    assert "No solution found" in run(hbal, "-l", "1", "-g", "0.4")[1]


def test_measured_loads_take_precedence_over_a_file_of_loads(run, reports, tmp_path):
    dynamic = tmp_path / "loads"
    dynamic.write_text("i0.x.org 3 2 2 2\n")
    options = ("-v", "-v", "--mond", "--mond-data", reports, "-U", str(dynamic))
    _, out, _ = run(hbal, *options)
    assert load_term(out) == "2.49443826"
    _, out, _ = run(hbal, *options, "--mond-xen")
    assert load_term(out) == "1.35912554"


@pytest.mark.parametrize("tool", [hbal, hcheck])
def test_missing_data_can_be_the_end(tool, run, reports, tmp_path):
    (tmp_path / "reports.json").write_text(FILES["nothing measured yet"])
    status, _, err = run(tool, "--mond", "--mond-data", reports, "--exit-on-missing-mond-data")
    assert status == 1
    assert err.splitlines() == [
        "Node n1.x.org has no usable cpu-avg-load: Time covered by data is not sufficient",
        "Didn't receive an answer by all MonDs, cpu-avg-load's data will be ignored.",
        "Error: Not all required data available",
    ]


def test_guests_that_xen_does_not_know_are_named(run, reports, tmp_path):
    (tmp_path / "reports.json").write_text(FILES["a guest is missing"])
    _, _, err = run(hbal, "--mond", "--mond-data", reports, "--mond-xen")
    assert err == 'No CPU information available for ["i1.x.org"]\n'


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--mond", "--mond-data", "/nowhere"], "Error: can't read MonD data: /nowhere: No such file or directory"),
        (["--mond=perhaps"], "Invalid choice 'perhaps', pass one of 'yes' or 'no'"),
    ],
)
def test_what_cannot_be_is_said(words, said, run):
    status, _, err = run(hinfo, *words)
    assert (status, err.splitlines()[-1]) == (1, said)


def test_a_broken_file_is_named_with_the_place(run, reports, tmp_path):
    (tmp_path / "reports.json").write_text(FILES["kind 2"])
    status, _, err = run(hinfo, "--mond", "--mond-data", reports)
    assert status == 1
    assert err.startswith(f"Error: can't parse MonD data: {reports}: ")
    assert "$[1].reports[0].kind" in err
    assert err.count("\n") == 1


def test_all_nodes_are_asked_offline_or_not(run, daemons):
    status, out, err = run(hinfo, "--mond", "-O", NODES[1], text=by_address())
    assert (status, load_term(out), err) == (0, "3.00000000", "")
    assert sorted(daemons.asked) == [f"{address}/1/report/default/cpu-avg-load" for address in NODES]


def test_xen_is_asked_instead(run, daemons):
    _, out, err = run(hbal, "--mond", "--mond-xen", "-v", "-v", text=by_address())
    assert (load_term(out), err) == ("1.35912554", "")
    assert sorted(daemons.asked) == [f"{address}/1/report/default/xen-cpu-avg-load" for address in NODES]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((404, b"Unable"), "Failed to contact node's 127.0.0.3 MonD for DC cpu-avg-load: 404 Not Found"),
        ((302, b""), "Failed to contact node's 127.0.0.3 MonD for DC cpu-avg-load: 302 Found"),
        ((200, b'{"na'), "Node 127.0.0.3 has no usable cpu-avg-load: its MonD's answer is no report: "),
        ((200, b"\xff"), "Node 127.0.0.3 has no usable cpu-avg-load: its MonD's answer is no report: "),
        (
            (200, json.dumps([load_of_node(1.0)]).encode()),
            "Node 127.0.0.3 has no usable cpu-avg-load: its MonD's answer is no report: ",
        ),
        (
            (200, json.dumps(report("cpu-avg-load", {"error": "too early"})).encode()),
            "Node 127.0.0.3 has no usable cpu-avg-load: too early",
        ),
    ],
)
def test_one_node_without_data_means_none(answer, said, run, daemons):
    daemons.says[NODES[1], "cpu-avg-load"] = answer
    status, out, err = run(hinfo, "--mond", text=by_address())
    assert (status, load_term(out)) == (0, "0.47140452")
    first, second = err.splitlines()
    assert first.startswith(said)
    assert second == "Didn't receive an answer by all MonDs, cpu-avg-load's data will be ignored."


def test_a_node_where_nothing_listens_is_told(run, daemons):
    _, _, err = run(hinfo, "--mond", text=by_address().replace("127.0.0.4", "127.0.0.99"))
    reason = os.strerror(errno.ECONNREFUSED)
    assert err.splitlines()[0] == f"Failed to contact node's 127.0.0.99 MonD for DC cpu-avg-load: {reason}"


def test_a_name_that_is_nobodys_is_told(run, daemons, monkeypatch):
    def nobody(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    _, _, err = run(hinfo, "--mond", text=by_address().replace("127.0.0.4", "nobody.invalid"))
    unreached = "Failed to contact node's nobody.invalid MonD for DC cpu-avg-load"
    assert err.splitlines()[0] == f"{unreached}: Name or service not known"


def test_a_node_that_never_answers_is_not_waited_for_long(run, daemons, monkeypatch):
    monkeypatch.setattr(mond, "PATIENCE", 0.2)
    daemons.says[NODES[1], "cpu-avg-load"] = (0, b"")
    _, _, err = run(hinfo, "--mond", text=by_address())
    unreached = "Failed to contact node's 127.0.0.3 MonD for DC cpu-avg-load"
    assert err.splitlines()[0] == f"{unreached}: no answer within 0.2 s"


@pytest.fixture
def allocate(daemons, tmp_path, monkeypatch, capfd):
    """Run hail for an instance without a mirror on three equal, empty nodes: the chosen node and standard error."""
    request = message({name: node() for name in NODES}, request=allocation("ext"))
    (tmp_path / "request.json").write_text(json.dumps(request))

    def allocate_with(*words):
        monkeypatch.setattr(sys, "argv", ["hail", "--no-capacity-checks", *words, str(tmp_path / "request.json")])
        assert hail.main() == 0
        said = capfd.readouterr()
        return json.loads(said.out)["result"], said.err

    return allocate_with


def test_hail_gives_an_instance_to_the_node_that_is_least_busy(daemons, allocate):
    for least in NODES:
        for address in NODES:
            load = load_of_node(0.1) if address == least else load_of_node(1.0, 1.0, 1.0)
            daemons.says[address, "cpu-avg-load"] = (200, json.dumps(load).encode())
        assert allocate("--mond") == ([least], "")


def test_hail_asks_nobody_if_loads_are_to_be_ignored(daemons, allocate):
    _, err = allocate("--mond=yes", "--ignore-dynu")
    assert (daemons.asked, err) == ([], "")


def test_hail_asks_for_xen_too(daemons, allocate):
    for address in NODES:
        daemons.says[address, "xen-cpu-avg-load"] = (200, json.dumps(load_of_guests(other=1.0)).encode())
    assert allocate("--mond", "--mond-xen")[1] == ""
    assert len(daemons.asked) == 3
