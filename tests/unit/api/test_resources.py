# SPDX-License-Identifier: BSD-2-Clause
"""What can be read, and what is said when it can't."""

import json
import re

import pytest

from ganeti.api.openapi import describe
from ganeti.api.resources import COLLECTIONS, COMMON, FEATURES, INSTANCE_FIELDS, NETWORK_FIELDS, NODE_FIELDS
from ganeti.declare.text import parse_size
from ganeti.errors import MasterUnreachable, WrongInput
from ganeti.model.entity import evolve
from tests.unit.api.conftest import READER, WRITER


async def read(api, path, **more):
    answer = await api.get(path, auth=READER, **more)
    assert answer.status == 200, answer
    return answer.body


async def failure(api, status, method, path, **more):
    """What is explained."""
    answer = await api.request(method, path, **more)
    assert (answer.status, answer.body["code"]) == (status, status)
    assert set(answer.body) == {"code", "message", "explain"}
    assert "Traceback" not in answer.body["explain"]
    return answer.body["explain"]


async def test_the_version_and_the_features_are_told(api):
    assert await read(api, "/version") == 2
    assert await read(api, "/2/features") == list(FEATURES)
    assert await read(api, "/") is None


async def test_the_cluster_is_described(api):
    info = await read(api, "/2/info")
    assert (info["name"], info["master"], info["enabled_hypervisors"]) == ("cluster", "node1", ["fake"])
    assert {"vg_name", "volume_group_name", "drbd_helper", "drbd_usermode_helper"} <= info.keys()


async def test_things_are_listed_by_name_and_place(api, cluster):
    await cluster.add("web1")
    assert await read(api, "/2/instances") == [{"id": "web1", "uri": "/2/instances/web1"}]
    assert [node["id"] for node in await read(api, "/2/nodes")] == ["node1", "node2", "node3"]
    assert await read(api, "/2/groups") == [{"name": "default", "id": "default", "uri": "/2/groups/default"}]


async def test_in_bulk_everything_is_told_of_each(api, cluster):
    await cluster.add("web1")
    (instance,) = await read(api, "/2/instances?bulk=1")
    assert set(instance) == set(INSTANCE_FIELDS)
    assert (instance["pnode"], instance["status"], instance["disk.sizes"]) == ("node1", "running", [64])
    node = (await read(api, "/2/nodes?bulk=1"))[0]
    assert set(node) == {*NODE_FIELDS, "secondary_ip"}
    assert node["secondary_ip"] == node["sip"]


@pytest.mark.parametrize(
    "collection", [c for c in COLLECTIONS if c.key == "name"], ids=lambda collection: collection.kind.path
)
async def test_one_thing_is_described_by_name_or_uuid_and_has_tags(api, cluster, collection):
    await cluster.add("web1")
    await cluster.run("OP_NETWORK_ADD", network_name="net1", network="192.0.2.0/28")
    first = (await read(api, f"/2/{collection.kind.path}"))[0]["id"]
    described = await read(api, f"/2/{collection.kind.path}/{first}")
    assert described["name"] == first
    assert set(COMMON) <= set(described)
    assert await read(api, f"/2/{collection.kind.path}/{described['uuid']}") == described
    assert await read(api, f"/2/{collection.kind.path}/{first}/tags") == []


async def test_the_tags_of_the_cluster_are_told(api, cluster):
    await cluster.master.configuration.commit([evolve(cluster.state.cluster, tags=frozenset({"b", "a"}))])
    assert await read(api, "/2/tags") == ["a", "b"]


@pytest.mark.parametrize("path", ["/2/tags", "/2/instances/web1/tags", "/2/nodes/node2/tags", "/2/groups/default/tags"])
async def test_tags_are_changed_by_jobs(api, cluster, path):
    await cluster.add("web1")
    for method, expected in (("PUT", ["a:1", "b"]), ("DELETE", [])):
        answer = await api.request(method, f"{path}?tag=b&tag=a:1", auth=WRITER)
        assert answer.status == 200, answer
        assert str((await cluster.finished(answer.body)).status) == "success"
        assert await read(api, path) == expected
    assert "permission" in await failure(api, 403, "PUT", f"{path}?tag=b", auth=READER)
    assert "parameter 'tags' is missing" in await failure(api, 400, "PUT", path)


async def test_tags_may_also_be_a_list_in_the_body(api, cluster):
    answer = await api.request("PUT", "/2/nodes/node2/tags", auth=WRITER, json=["b", "a"])
    await cluster.finished(answer.body)
    assert await read(api, "/2/nodes/node2/tags") == ["a", "b"]
    told = await failure(api, 400, "PUT", "/2/nodes/node2/tags", json=["a", "no blanks"])
    assert told.startswith("Item 1: expected a tag")


@pytest.mark.parametrize(("node", "role"), [("node1", "master"), ("node2", "master-candidate")])
async def test_the_role_of_a_node_is_told(api, node, role):
    assert await read(api, f"/2/nodes/{node}/role") == role


async def test_a_request_to_change_something_becomes_a_job(api, cluster):
    await cluster.add("web1", start=False)
    answer = await api.request("PUT", "/2/instances/web1/startup")
    assert answer.status == 200
    job = await cluster.finished(answer.body)
    assert (str(job.status), job.steps[0].summary) == ("success", "INSTANCE_STARTUP(web1)")
    described = await read(api, f"/2/jobs/{answer.body}")
    assert (described["id"], described["status"]) == (answer.body, "success")
    assert described["ops"][0]["OP_ID"] == "OP_INSTANCE_STARTUP"
    assert {"id": answer.body, "uri": f"/2/jobs/{answer.body}"} in await read(api, "/2/jobs")
    assert answer.body in [job["id"] for job in await read(api, "/2/jobs?bulk=1")]


async def test_a_body_may_use_the_names_of_the_api(api, cluster):
    body = {
        "__version__": 1,
        "name": "web1",
        "mode": "create",
        "disk_template": "diskless",
        "disks": [],
        "nics": [],
        "pnode": "node1",
        "no_install": True,
        "name_check": False,
        "ip_check": False,
    }
    answer = await api.request("POST", "/2/instances", json=body)
    assert str((await cluster.finished(answer.body)).status) == "success"
    assert cluster.instance("web1").primary_node == "uuid-node1"


async def test_numbers_come_in_the_path_and_lists_of_them_in_the_query(api, cluster):
    await cluster.add("web1")
    answer = await api.request("POST", "/2/instances/web1/disk/0/grow", json={"amount": 8})
    assert str((await cluster.finished(answer.body)).status) == "success"
    assert [disk.size for disk in cluster.instance("web1").disks] == [72]
    answer = await api.request("POST", "/2/instances/web1/replace-disks?mode=replace_on_secondary&disks=0,2")
    await cluster.finished(answer.body)
    (operation,) = (await read(api, f"/2/jobs/{answer.body}"))["ops"]
    assert (operation["mode"], operation["disks"]) == ("replace_on_secondary", [0, 2])


async def test_a_dry_run_and_a_reason_come_in_the_query(api, cluster):
    await cluster.add("web1", start=False)
    answer = await api.request("PUT", "/2/instances/web1/startup?dry-run=1&reason=a+test")
    await cluster.finished(answer.body)
    (operation,) = (await read(api, f"/2/jobs/{answer.body}"))["ops"]
    assert operation["dry_run"] is True
    assert [entry[:2] for entry in operation["reason"]] == [
        ["gnt:user", "a test"],
        ["gnt:library:rlib2", "request"],
    ]
    assert await cluster.list("instance", "admin_up") == [[False]]


async def test_whoever_waits_for_a_job_is_told_of_its_end(api, cluster):
    number = await cluster.submit("OP_TEST_DELAY", duration=0)
    await cluster.finished(number)
    answer = await api.get(f"/2/jobs/{number}/wait", json={"fields": ["status"]})
    assert answer.body["job_info"] == ["success"]


async def test_a_waiting_job_is_canceled(api, cluster):
    blocking = await cluster.submit("OP_TEST_DELAY", duration=60)
    number = await cluster.submit("OP_TEST_DELAY", duration=0, depends=[[blocking, []]])
    answer = await api.request("DELETE", f"/2/jobs/{number}")
    assert answer.body == [True, f"Job {number} canceled"]
    assert str((await cluster.finished(number)).status) == "canceled"


async def test_columns_can_be_queried_in_both_ways(api):
    by_path = await read(api, "/2/query/node?fields=name,role&filter=name%3D%3D%22node2%22")
    assert by_path["data"] == [[[0, "node2"], [0, "C"]]]
    body = {"fields": ["name", "role"], "qfilter": ["=", "name", "node2"]}
    assert (await api.request("PUT", "/2/query/node", READER, json=body)).body == by_path
    fields = await read(api, "/2/query/node/fields?fields=name,colour")
    assert [field["kind"] for field in fields["fields"]] == ["text", "unknown"]


async def test_whatever_the_description_refers_to_is_in_it(api):
    told = json.dumps(description := await read(api, "/2/openapi.json"))
    links = set(re.findall(r'"#/components/(\w+)/([^"]+)"', told))
    assert ("responses", "Error") in links
    assert [name for kind, name in links if name not in description["components"][kind]] == []


async def test_the_description_is_served_and_covers_every_route(api):
    described = await read(api, "/2/openapi.json")
    assert described == describe()
    known = {(method.upper(), path) for path, methods in described["paths"].items() for method in methods}
    assert set(api.routes) == known


def properties(path, method):
    body = describe()["paths"][path][method]["requestBody"]["content"]["application/json"]["schema"]
    return body["properties"]


def referred(schema):
    return describe()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]


def test_a_size_is_described_as_it_is_taken():
    size, _ = referred(properties("/2/instances", "post")["disks"]["items"])["properties"]["size"]["anyOf"]
    assert size["type"] == ["integer", "string"]
    for text in ("512", "1.5g", " 2 TiB "):
        assert re.search(size["pattern"], text)
        assert parse_size(text, "size")
    for text in ("", "g", "1x", "1ib", "1g2"):
        assert not re.search(size["pattern"], text)
        with pytest.raises(WrongInput):
            parse_size(text, "size")


def test_the_instances_of_a_request_for_several_are_described_under_the_names_of_the_remote_api():
    described = properties("/2/instances-multi-alloc", "post")["instances"]["items"]
    alone = properties("/2/instances", "post")
    assert described["properties"].keys() == alone.keys() >= {"name", "os", "disks"}
    assert described["required"] == ["name"]


def test_a_pattern_ends_as_readers_of_openapi_end_it():
    described = json.dumps(describe())
    assert '"pattern": "^' in described
    assert r"\\Z" not in described


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/nothing", "Nothing matches the given URI"),
        ("/3/info", "Nothing matches the given URI"),
        ("/2/instances/web9", "Instance 'web9' not known"),
        ("/2/nodes/node9/tags", "Node 'node9' not known"),
        ("/2/nodes/node9/role", "Node 'node9' not known"),
        ("/2/jobs/99", "Job 99 not found"),
        ("/2/query/guests?fields=name", "There is no resource 'guests' to query; choose from instance, node"),
        ("/2/query/guests/fields", "There is no resource 'guests' to query"),
    ],
)
async def test_what_is_not_there_is_404(api, path, told):
    assert told in await failure(api, 404, "GET", path)


@pytest.mark.parametrize(
    ("method", "path", "allowed"), [("DELETE", "/2/info", "GET, HEAD"), ("PUT", "/version", "GET, HEAD")]
)
async def test_a_method_that_a_resource_has_not_is_405_and_says_which_it_has(api, method, path, allowed):
    await failure(api, 405, method, path)
    assert (await api.request(method, path)).headers["Allow"] == allowed


@pytest.mark.parametrize(
    ("method", "path", "body", "told"),
    [
        ("GET", "/2/jobs/web1", b"", "'web1' is not a job ID"),
        ("GET", "/2/jobs/\u00b2", b"", "'\u00b2' is not a job ID"),
        ("DELETE", "/2/jobs/" + "9" * 5000, b"", "is not a job ID"),
        ("GET", "/2/jobs/1/wait", b"{}", "'fields' is missing"),
        ("GET", "/2/query/node", b"", "parameter 'fields' is missing"),
        ("GET", "/2/query/node?fields=name&filter=name+%3D%3D", b"", "filter"),
        ("PUT", "/2/query/node", b"[1]", "The body must be a JSON object"),
        ("PUT", "/2/query/node", b"{", "The body is not JSON"),
        ("GET", "/2/jobs/1/wait", b"{}", "parameter 'fields' is missing"),
        ("POST", "/2/instances", b"{", "The body is not JSON"),
        ("POST", "/2/instances", b"[]", "The body must be a JSON object"),
        ("POST", "/2/instances", b"{}", "parameter 'instance_name' is missing"),
        ("POST", "/2/instances", b'{"colour": 1}', "there is no parameter 'colour'"),
        ("PUT", "/2/modify", b'{"candidate_pool_size": 0}', "'candidate_pool_size': expected a whole number"),
        ("PUT", "/2/modify", b'{"enabled_hypervisors": ["vmware"]}', "'vmware'"),
        ("PUT", "/2/instances/web1/startup?dry-run=perhaps", b"", "'dry_run': 'perhaps' is neither yes nor no"),
    ],
)
async def test_what_makes_no_sense_is_400_and_names_the_parameter(api, method, path, body, told):
    assert told in await failure(api, 400, method, path, data=body)


async def test_a_body_that_is_too_large_is_refused(api):
    await failure(api, 413, "POST", "/2/instances", data=b" " * (4 * 1024**2 + 1))


async def test_a_master_that_does_not_answer_is_502(api, cluster):
    async def silent(*words):
        raise MasterUnreachable("The master daemon did not answer")

    cluster.methods = dict.fromkeys(cluster.methods, silent)
    assert "did not answer" in await failure(api, 502, "GET", "/2/nodes")


async def test_what_nobody_thought_of_is_500_without_its_inside(api, cluster):
    async def broken(*words):
        raise ZeroDivisionError("secret inside")

    cluster.methods = dict.fromkeys(cluster.methods, broken)
    told = await failure(api, 500, "GET", "/2/nodes")
    assert "ZeroDivisionError" in told
    assert "secret inside" not in told


async def test_networks_are_made_connected_and_described(api, cluster):
    async def done(method, path, **body):
        answer = await api.request(method, path, json=body)
        assert answer.status == 200, answer
        job = await cluster.finished(answer.body)
        assert str(job.status) == "success", job

    connection = {"group_name": "default", "network_mode": "bridged", "network_link": "br0"}
    await done("POST", "/2/networks", name="net1", network="192.0.2.0/28", gateway="192.0.2.1", tags=["dmz"])
    assert await read(api, "/2/networks") == [{"name": "net1", "id": "net1", "uri": "/2/networks/net1"}]
    await done("PUT", "/2/networks/net1/connect", **connection)
    await done("PUT", "/2/networks/net1/modify", add_reserved_ips=["192.0.2.9"])
    await cluster.add("web1", nics=[{"network": "net1", "ip": "pool"}])
    (network,) = await read(api, "/2/networks?bulk=1")
    assert set(network) == set(NETWORK_FIELDS)
    assert network == await read(api, "/2/networks/net1")
    assert (network["free_count"], network["reserved_count"], network["map"]) == (11, 5, "XXX......X.....X")
    assert (network["group_list"], network["inst_list"]) == ([["default", "bridged", "br0", ""]], ["web1"])
    assert network["external_reservations"] == "192.0.2.0, 192.0.2.1, 192.0.2.9, 192.0.2.15"
    instance = await read(api, "/2/instances/web1")
    assert (instance["nic.networks"], instance["nic.networks.names"]) == ([network["uuid"]], ["net1"])
    assert (await read(api, "/2/query/network?fields=name,tags"))["data"] == [[[0, "net1"], [0, ["dmz"]]]]
    assert "is used in node group default" in await failed(api, cluster, "/2/networks/net1/disconnect", "default")
    await done("PUT", "/2/networks/net1/rename", new_name="net2")
    assert "not known" in await failure(api, 404, "GET", "/2/networks/net1", auth=READER)
    assert "permission" in await failure(api, 403, "DELETE", "/2/networks/net2", auth=READER)


async def failed(api, cluster, path, group_name):
    """Why the job that a request becomes fails."""
    answer = await api.request("PUT", path, json={"group_name": group_name})
    return str((await cluster.finished(answer.body)).steps[0].result)
