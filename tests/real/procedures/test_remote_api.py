# SPDX-License-Identifier: BSD-2-Clause
"""The remote API, as monitors, dashboards and Ganeti's own client use it."""

import json
from pathlib import Path

import pytest

from tests.real.cluster.work import FINAL, eventually
from tests.real.procedures.administrator import procedure

API = "https://cluster.example.com:5080/2"
CLIENT = "/usr/lib/python3/dist-packages/ganeti/rapi/client.py"  # of Debian's python3-ganeti-rapi


def got(admin, words):
    return json.loads(admin.types(f"curl -sk {words}").text)


@procedure("rapi-01")
def test_health_probes(admin):
    """Health probes of the API port."""
    admin.has_users()
    probe = "curl -sk -o /dev/null -w '%{http_code}\\n' https://cluster.example.com:5080/"
    assert admin.types(probe).text == "401\n"
    told = got(admin, "-u ro:secret https://cluster.example.com:5080/2/info")
    names = "name master software_version default_hypervisor enabled_hypervisors hvparams beparams ipolicy ctime mtime"
    assert set(names.split()) <= set(told)
    assert (told["name"], told["master"]) == ("cluster.example.com", "node1.example.com")
    line = "wget -q -O - --no-check-certificate --user=ro --password=secret https://cluster.example.com:5080/2/info"
    assert json.loads(admin.types(line).text)["enabled_hypervisors"] == ["kvm", "fake"]


@procedure("rapi-03", instead={"curl -sk": "curl -sk -u ro:secret"})
def test_the_target_of_a_desktop_client(admin):
    """VNC target of a guest for a desktop client."""
    admin.has_users()
    admin.types(
        "gnt-instance add -t sharedfile -s 1G -o tiny+default --no-install -n node2"
        " --no-name-check --no-ip-check web1.example.com"
    )
    line = f"curl -sk {API}/instances/web1.example.com | jq '[.pnode,.network_port|tostring]|join(\":\")'"
    assert admin.types(line).text == f'"node2.example.com:{admin.sees("network_port", "web1")[0]}"\n'
    assert admin.types(f"curl -sk -o /dev/null -w '%{{http_code}}\\n' {API}/instances/none.example.com").text == "404\n"
    assert set(got(admin, f"{API}/instances/none.example.com")) == {"code", "message", "explain"}
    (one,) = got(admin, f'"{API}/instances?bulk=1"')
    alone = got(admin, f"{API}/instances/web1.example.com")
    assert set(one) == set(alone)
    assert one["uuid"] == alone["uuid"]


@procedure("rapi-04")
def test_a_dashboard(admin):
    """Dashboard: bulk nodes, groups, jobs and a query."""
    admin.has_users()
    admin.has_instance(options="--tags a")
    nodes = got(admin, f'-u ro:secret "{API}/nodes?bulk=1"')
    assert [(node["name"], node["role"]) for node in nodes] == [
        ("node1.example.com", "M"),
        ("node2.example.com", "C"),
        ("node3.example.com", "C"),
    ]
    assert {"mtotal", "mfree", "dtotal", "dfree", "ctotal", "pinst_cnt", "pinst_list", "group.uuid"} <= set(nodes[0])
    (group,) = got(admin, f'-u ro:secret "{API}/groups?bulk=1"')
    assert (group["name"], group["node_cnt"]) == ("default", 3)
    queued = admin.types("gnt-debug delay --submit --print-jobid 1").words[0]
    jobs = {job["id"]: job for job in got(admin, f'-u ro:secret "{API}/jobs?bulk=1"')}
    assert jobs[int(queued)]["end_ts"] in (None, [])
    number = next(job["id"] for job in jobs.values() if job["status"] == "success" and "CREATE" in job["summary"][0])
    done = got(admin, f"-u ro:secret {API}/jobs/{number}")
    for moment in ("received_ts", "start_ts", "end_ts"):
        assert [type(part) for part in done[moment]] == [int, int]
    serial, (seconds, micros), kind, payload = done["oplog"][0][0]
    assert (type(serial), type(seconds), type(micros), kind, type(payload)) == (int, int, int, "message", str)
    assert done["ops"][0]["OP_ID"].startswith("OP_")
    told = got(admin, f'-u admin:secret "{API}/query/instance?fields=name,pnode,snodes,beparams,oper_state,hvparams"')
    assert [field["name"] for field in told["fields"]] == [
        "name",
        "pnode",
        "snodes",
        "beparams",
        "oper_state",
        "hvparams",
    ]
    assert told["data"][0][:3] == [[0, "web1.example.com"], [0, "node2.example.com"], [0, []]]
    body = (
        '{"fields":["name","tags","pnode","snodes","disk.sizes","nic.modes","nic.ips","nic.links","status","admin_state"'
        ","
        '"beparams","oper_state","hvparams","nic.macs","ctime","mtime"],"filter":["|",["=","name","web1.example.com"]]}'
    )
    line = f"-u admin:secret -X PUT -H 'Content-Type: application/json' -d '{body}' {API}/query/instance"
    (row,) = got(admin, line)["data"]
    assert row[0:2] == [[0, "web1.example.com"], [0, ["a"]]]
    assert row[8] == [0, "running"]
    admin.types(f"gnt-job wait {queued}")


@procedure(
    "rapi-06", instead={'"drbd"': '"sharedfile"', '"snode":"node2.example.com",': "", '"noop"': '"tiny+default"'}
)
def test_a_guest_is_made_and_waited_for(admin):
    """Create a guest through the API and wait."""
    admin.has_users()
    admin.has_network("net1", "192.0.2.0/24")
    body = (
        '{"__version__":1,"mode":"create","instance_name":"web1.example.com","disk_template":"drbd","disks":[{"size":10240}]'
        ","
        '"nics":[{"network":"net1","ip":"pool"}],"os_type":"noop","osparams":{},"beparams":{"memory":2048,"vcpus":2},'
        '"hvparams":{"kernel_path":""},"pnode":"node1.example.com","snode":"node2.example.com","start":false,'
        '"ip_check":false,"name_check":false,"wait_for_sync":false,"tags":["owner:me"]}'
    )
    job = got(admin, f"-u admin:secret -X POST -H 'Content-Type: application/json' -d '{body}' {API}/instances")
    statuses = []

    def status():
        statuses.append(got(admin, f"-u ro:secret {API}/jobs/{job}")["status"])
        return statuses[-1]

    body = '{"fields":["status"],"previous_job_info":null,"previous_log_serial":null}'
    line = f"-u ro:secret \"{API}/jobs/{job}/wait\" -X GET -H 'Content-Type: application/json' -d '{body}'"
    assert got(admin, line)["job_info"][0] in ("queued", "waiting", "running", "success")
    eventually(status, lambda told: told in FINAL)
    assert set(statuses) <= {"queued", "waiting", "running", "success"}
    assert got(admin, f"-u ro:secret {API}/jobs/{job}")["opresult"] == [["node1.example.com"]]
    assert admin.sees("be/maxmem,be/minmem,nic.ips,tags,status", "web1") == [
        "2048",
        "2048",
        "192.0.2.1",
        "owner:me",
        "ADMIN_down",
    ]


@pytest.mark.skipif(not Path(CLIENT).exists(), reason="Ganeti's client is not installed (python3-ganeti-rapi)")
# An image is a file so far, and no URL.
@procedure(
    "rapi-08",
    instead={"python3 -c": "/usr/bin/python3 -c", "http://mirror.example.com/netinst.iso": "/srv/iso/netinst.iso"},
)
def test_ganetis_own_client(admin):
    """The Python client as web front ends use it."""
    admin.has_users()
    admin.has_instance(options="-H kvm")
    admin.everywhere("mkdir -p /srv/iso; truncate -s 1M /srv/iso/netinst.iso")
    admin.afterwards("gnt-cluster command rm -r /srv/iso")
    admin.types(f"cp {CLIENT} rapi_client.py")
    begin = (
        "python3 -c 'from rapi_client import GanetiRapiClient as C;"
        ' c=C("cluster.example.com",username="admin",password="secret");'
    )
    told = admin.types(
        f'{begin} print(c.GetInfo()["name"], c.GetNodes(), c.GetInstances(bulk=True)[0]["name"],'
        f" c.GetOperatingSystems(),"
        ' c.GetJobs(bulk=True)[0]["status"], c.GetNode("node1.example.com")["pinst_list"])\''
    ).text
    nodes = [f"node{number}.example.com" for number in (1, 2, 3)]
    systems = ["tiny+agent", "tiny+default", "tiny+minimal"]
    assert told == f"cluster.example.com {nodes} web1.example.com {systems} success []\n"
    told = admin.types(
        f'{begin} j=c.ModifyInstance("web1.example.com",hvparams={{"boot_order":"cdrom",'
        '"cdrom_image_path":"http://mirror.example.com/netinst.iso"}); print(c.GetJobStatus(j)["opstatus"])\''
    ).text
    assert told.strip() in ("['queued']", "['waiting']", "['running']", "['success']")
    told = admin.types(
        f'{begin} print(c.AddInstanceTags("web1.example.com",["mgr:user:me"]),'
        f' c.SetNodeRole("node3.example.com","drained"),'
        ' c.MigrateNode("node3.example.com",mode="live"), c.EvacuateNode("node3.example.com",mode="secondary-only",'
        'iallocator="hail"), c.RedistributeConfig())\''
    ).words
    for job in told:
        admin.types(f"gnt-job wait {job}")
    admin.afterwards("gnt-node modify -D no node3")


@procedure("rapi-09")
def test_tags_as_a_database(admin):
    """Tags as the front end's database."""
    admin.has_users()
    admin.has_instance()
    tags = ["mgr:ext:pvdr1", "mgr:ext:pvdr1:params:pool:fast"]
    job = got(admin, f'-u admin:secret -X PUT "{API}/tags?tag={tags[0]}&tag={tags[1]}"')
    admin.afterwards(f"gnt-cluster remove-tags {' '.join(tags)}")
    admin.types(f"gnt-job wait {job}")
    place = f"{API}/instances/web1.example.com/tags"
    job = got(admin, f'-u admin:secret -X PUT "{place}?tag=mgr:user:me&tag=mgr:adminlock&tag=a/b.c%2Bd@e"')
    admin.types(f"gnt-job wait {job}")
    assert admin.sees("tags", "web1") == ["a/b.c+d@e,mgr:adminlock,mgr:user:me"]
    job = got(admin, f'-u admin:secret -X DELETE "{place}?tag=mgr:adminlock"')
    admin.types(f"gnt-job wait {job}")
    assert got(admin, f"-u ro:secret {API}/tags") == tags
    (one,) = got(admin, f'-u ro:secret "{API}/instances?bulk=1"')
    assert sorted(one["tags"]) == ["a/b.c+d@e", "mgr:user:me"]
