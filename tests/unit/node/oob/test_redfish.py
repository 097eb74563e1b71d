# SPDX-License-Identifier: BSD-2-Clause
"""Redfish, with a service on loopback, over TLS."""

import base64
import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ganeti.host.certificates import create_authority, create_node_credentials, fingerprint
from ganeti.node.oob import redfish

AUTHORITY = create_authority("bmc")
SYSTEM = "/redfish/v1/Systems/1"
RESET = f"{SYSTEM}/Actions/ComputerSystem.Reset"


def link(path):
    return {"@odata.id": path}


class Service(ThreadingHTTPServer):
    """``resources`` by path; ``asked`` are (method, path, body)."""

    def __init__(self, context):
        super().__init__(("127.0.0.1", 0), Handler)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.asked, self.resources = (
            [],
            {
                "/redfish/v1/Systems": {"Members": [link(SYSTEM)]},
                SYSTEM: {
                    "PowerState": "Off",
                    "Status": {"State": "Enabled", "Health": "OK", "HealthRollup": "Warning"},
                    "MemorySummary": {"TotalSystemMemoryGiB": 64, "Status": {"HealthRollup": "OK"}},
                    "Actions": {
                        "#ComputerSystem.Reset": {
                            "target": RESET,
                            "ResetType@Redfish.AllowableValues": ["On", "ForceOff", "GracefulShutdown", "ForceRestart"],
                        }
                    },
                    "Links": {"Chassis": [link("/redfish/v1/Chassis/1")]},
                },
                "/redfish/v1/Chassis/1": {
                    "Thermal": link("/redfish/v1/Chassis/1/Thermal"),
                    "Power": link("/redfish/v1/Chassis/1/Power"),
                },
                "/redfish/v1/Chassis/1/Thermal": {
                    "Temperatures": [
                        {"Name": "Inlet", "ReadingCelsius": 23, "Status": {"State": "Enabled", "Health": "OK"}},
                        {"Name": "CPU 2", "Status": {"State": "Absent", "Health": None}},
                    ],
                    "Fans": [{"FanName": "Fan 1", "Status": {"State": "Enabled", "Health": "Warning"}}],
                },
                "/redfish/v1/Chassis/1/Power": {
                    "PowerSupplies": [{"Name": "PSU 1", "Status": {"State": "Enabled", "Health": "Critical"}}],
                },
            },
        )

    @property
    def system(self):
        return self.resources[SYSTEM]

    def handle_error(self, request, client_address):
        """A client that hangs up in the middle is what some tests want."""


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *words):
        pass

    def do_GET(self):
        self.server.asked.append(("GET", self.path, None))
        if self.headers["Authorization"] != f"Basic {base64.b64encode(b'ganeti:secret').decode()}":
            return self._answer(401, b"{}")
        found = self.server.resources.get(self.path)
        content = found if isinstance(found, bytes) else json.dumps(found).encode()
        return self._answer(404 if found is None else 200, content)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(("POST", self.path, body))
        state = {"On": "On", "ForceOff": "Off"}.get(body["ResetType"])
        self.server.system["PowerState"] = state or self.server.system["PowerState"]
        self._answer(204, b"")

    def _answer(self, status, content):
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture
def certificate(tmp_path):
    made = create_node_credentials(AUTHORITY, "localhost")
    path = tmp_path / "bmc.pem"
    path.write_bytes(made.together)
    return path, fingerprint(made.certificate)


@pytest.fixture
def service(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate[0])
    with Service(context) as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture
def configured(controllers, service, certificate):
    def write(more="", **changes):
        given = {
            "address": "127.0.0.1",
            "user": "ganeti",
            "password": "secret",
            "port": service.server_address[1],
            "fingerprint": certificate[1],
        } | changes
        lines = [f"{name} = {json.dumps(value)}" for name, value in given.items() if value != ""]
        controllers("\n".join(["[defaults]", *lines, more]))

    write()
    return write


def resets(service):
    return [body["ResetType"] for method, path, body in service.asked if (method, path) == ("POST", RESET)]


def test_it_switches_and_says_whether_there_is_power(service, configured, run):
    assert run(redfish, "power-status", "node1") == (0, '{"powered": false}\n', "")
    assert run(redfish, "power-on", "node1") == (0, "", "")
    assert run(redfish, "power-status", "node1") == (0, '{"powered": true}\n', "")
    assert run(redfish, "power-cycle", "node1") == (0, "", "")
    assert run(redfish, "power-off", "node1") == (0, "", "")
    assert run(redfish, "power-status", "node1") == (0, '{"powered": false}\n', "")
    assert resets(service) == ["On", "ForceRestart", "ForceOff"]


def test_a_power_cycle_is_one_where_the_controller_knows_it(service, configured, run):
    service.system["PowerState"] = "On"
    service.system["Actions"]["#ComputerSystem.Reset"]["ResetType@Redfish.AllowableValues"].append("PowerCycle")
    run(redfish, "power-cycle", "node1")
    assert resets(service) == ["PowerCycle"]


def test_the_health_is_that_of_the_system_and_of_what_its_chassis_lists(service, configured, run):
    status, output, errors = run(redfish, "health", "node1")
    assert (status, errors) == (0, "")
    assert json.loads(output) == [
        ["System", "WARNING"],
        ["Memory", "OK"],
        ["Inlet", "OK"],
        ["Fan 1", "WARNING"],
        ["PSU 1", "CRITICAL"],
    ]


def test_of_several_systems_one_must_be_chosen(service, configured, run):
    service.resources["/redfish/v1/Systems"]["Members"].append(link("/redfish/v1/Systems/2"))
    status, _, errors = run(redfish, "power-status", "node1")
    assert (status, errors) == (1, "127.0.0.1 has 2 systems: 1, 2; choose one by 'system'\n")
    configured(system="1")
    assert run(redfish, "power-status", "node1")[0] == 0


@pytest.mark.parametrize("changes", [{"fingerprint": ""}, {"fingerprint": "ab" * 32}])
def test_nothing_is_told_to_what_shows_another_certificate(service, configured, run, changes):
    configured(**changes)
    status, output, errors = run(redfish, "power-on", "node1")
    assert (status, output, errors.count("\n"), service.asked) == (1, "", 1, [])
    assert "certificate" in errors


def test_a_certificate_of_an_authority_that_is_named_is_trusted_for_its_name(service, configured, run, tmp_path):
    (tmp_path / "authority.pem").write_bytes(AUTHORITY.certificate)
    configured(fingerprint="", authority=str(tmp_path / "authority.pem"), address="localhost")
    assert run(redfish, "power-status", "node1") == (0, '{"powered": false}\n', "")
    configured(fingerprint="", authority=str(tmp_path / "nonesuch.pem"))
    assert run(redfish, "power-status", "node1")[0] == 1


@pytest.mark.parametrize(
    ("path", "found", "problem"),
    [
        (SYSTEM, None, f"127.0.0.1 answers GET {SYSTEM}: 404 Not Found"),
        (SYSTEM, b"<html>", f"What 127.0.0.1 says of {SYSTEM} is wrong: JSON is malformed"),
        (SYSTEM, b" " * (1024**2 + 1), f"127.0.0.1 answers more than 1048576 bytes for {SYSTEM}"),
        (SYSTEM, {"PowerState": "Lukewarm"}, f"127.0.0.1 says of the power of {SYSTEM}: Lukewarm"),
        ("/redfish/v1/Systems", {"Members": [link("http://192.0.2.1/")]}, "which is no path"),
        ("/redfish/v1/Systems", {"Members": [link("/a b\r\nHost: c")]}, "which is no path"),
        ("/redfish/v1/Systems", {"Members": []}, "127.0.0.1 has 0 systems: none"),
    ],
)
@pytest.mark.usefixtures("configured")
def test_what_it_says_wrongly_is_told_in_a_line(service, run, path, found, problem):
    service.resources[path] = found
    status, output, errors = run(redfish, "power-status", "node1")
    assert (status, output, errors.count("\n")) == (1, "", 1)
    assert problem in errors


def test_a_wrong_password_and_a_silent_service_are_told(service, configured, run):
    configured(password="wrong")
    assert "401 Unauthorized" in run(redfish, "health", "node1")[2]
    configured(port=1)
    assert run(redfish, "health", "node1") == (1, "", "127.0.0.1 cannot be asked over HTTPS: Connection refused\n")


def test_a_system_that_cannot_be_switched_says_so(service, configured, run):
    service.system["Actions"] = {}
    assert "has no action that switches" in run(redfish, "power-on", "node1")[2]
