# SPDX-License-Identifier: BSD-2-Clause
"""What is read: lists, in the forms that scripts cut up, and tags."""

import ast
import re

import yaml

from tests.real.procedures.administrator import procedure


@procedure("list-01")
def test_habitual_lists(admin):
    """Administrators' habitual lists."""
    admin.has_instance(
        options="-B memory=256M,vcpus=1 --tags a,b --disk 1:size=2G --net 0:link=br42 --net 1:link=br100"
    )
    nodes = admin.types("gnt-node list -o +tags,group,role").lines
    assert nodes[0].split() == [
        *("Node", "DTotal", "DFree", "MTotal", "MNode", "MFree", "Pinst", "Sinst"),
        *("Tags", "Group", "Role"),
    ]
    assert nodes[1].split()[-2:] == ["default", "M"]
    fields = (
        "name,admin_state,status,pnode,snodes,os,vcpus,be/memory,nic.links,disk_template,disk.count,disk.sizes,tags"
    )
    heads, row = (line.split("|") for line in admin.types(f"gnt-instance list -o {fields} --separator='|'").lines)
    assert len(heads) == len(row) == 13
    assert row[0:6] == ["web1.example.com", "up", "running", "node2.example.com", "", "tiny+default"]
    assert row[6:] == ["1", "256", "br42,br100", "sharedfile", "2", "1024,2048", "a,b"]
    row = admin.types("gnt-instance list -o name,status,oper_vcpus,oper_ram,disk_usage,pnode,snodes").lines[1].split()
    assert row == ["web1.example.com", "running", "1", "256M", "3.0G", "node2.example.com"]
    assert admin.types("gnt-instance list -o +snodes").lines[0].split()[-1] == "Secondary_Nodes"
    assert admin.types("gnt-instance list -o +network_port").lines[1].split()[-1].isdigit()
    assert len(admin.types("gnt-instance list -o +network_port").lines[0].split()) == 7
    assert not [line for line in admin.types(f"gnt-instance list -o {fields}").lines if line.endswith(" ")]


@procedure("list-03")
def test_fields_for_tools(admin):
    """Fields for tools, with a separator."""
    admin.has_instance(options="--net 0:link=br42 --net 1:link=br100")
    line = "gnt-instance list -o os,hypervisor,disk.count,hv/kernel_path --no-headers --separator=' ' web1.example.com"
    assert admin.types(line).text == "tiny+default fake 1 -\n"
    told = admin.types("gnt-instance list --no-headers --separator=' ' -o name,nic.macs,nic.bridges,tags").text
    mac = "(?:[0-9a-f]{2}:){5}[0-9a-f]{2}"
    assert re.fullmatch(rf"web1\.example\.com {mac},{mac} br42,br100 \n", told)
    assert [line.split() for line in admin.types("gnt-node list -o name,offline --no-header").lines] == [
        [f"node{number}.example.com", "N"] for number in (1, 2, 3)
    ]
    admin.types("gnt-instance modify -H kernel_path=/boot/vmlinuz web1.example.com", status=1)


@procedure("list-04")
def test_a_module_reads_literals(admin):
    """Module that reads dicts from list and state from info."""
    admin.types(
        "gnt-instance add -t sharedfile -s 1G -o tiny+default --no-install -n node2"
        " --no-name-check --no-ip-check web1.example.com"
    )
    line = (
        "gnt-instance list --no-headers --separator='    ' -o"
        " name,nic.names,nic.modes,nic.vlans,disk.sizes,hvparams web1"
    )
    name, names, modes, vlans, sizes, parameters = admin.types(line).text.rstrip("\n").split("    ")
    assert (name, ast.literal_eval(names), modes, vlans, sizes) == ("web1.example.com", [None], "bridged", "", "1024")
    assert ast.literal_eval(parameters)["acpi"] is True
    state = "gnt-instance info web1 | grep -E 'configured to be (up|down), actual state is (up|down)'"
    assert admin.types(state).text == "  State: configured to be down, actual state is down\n"
    assert yaml.safe_load(admin.info())[0]["Instance name"] == "web1.example.com"


@procedure("tag-01")
def test_tags_on_everything(admin):
    """Tags on everything, search by pattern."""
    admin.has_instance(options="--tags owner:me")
    admin.afterwards("gnt-node remove-tags node1 a b c", "gnt-cluster remove-tags a b c")
    admin.types("gnt-instance add-tags web1.example.com a b c")
    admin.types("gnt-node add-tags node1.example.com a b c")
    admin.types("gnt-cluster add-tags a b c")
    assert admin.types("gnt-cluster search-tags o").text == "/instances/web1.example.com owner:me\n"
    assert admin.types("gnt-cluster search-tags '^owner:'").text == "/instances/web1.example.com owner:me\n"
    assert admin.types("gnt-cluster search-tags '^a$'").lines == [
        "/cluster a",
        "/instances/web1.example.com a",
        "/nodes/node1.example.com a",
    ]
    assert admin.types("gnt-instance list-tags web1.example.com").lines == ["a", "b", "c", "owner:me"]
    admin.types("gnt-instance remove-tags web1.example.com a b")
    assert admin.sees("tags", "web1") == ["c,owner:me"]


@procedure("tag-02")
def test_machine_lists_from_tags(admin):
    """Machine lists from tags."""
    admin.has_instance("web1.example.com", options="--tags nfs,prod")
    admin.has_instance("web2.example.com", options="--tags prod")
    admin.afterwards("gnt-node modify -D no node3", "gnt-node remove-tags node2 a b")
    line = (
        """gnt-instance list --no-headers -o name --filter '("nfs" in tags and "prod" in tags) and"""
        """ admin_state == "up"'"""
    )
    assert admin.types(line).text == "web1.example.com\n"
    admin.types("gnt-instance shutdown web1")
    assert admin.types(line).text == ""
    line = """gnt-instance list --no-headers -o name --filter "not ('nfs' in tags) or admin_state == 'down'" """
    assert admin.types(line).words == ["web1.example.com", "web2.example.com"]
    admin.types("gnt-node modify -D yes node3 && gnt-node add-tags node2 b a")
    assert (
        admin.types('gnt-node list --no-headers -o name --filter "drained and not offline"').text
        == "node3.example.com\n"
    )
    line = """gnt-node list -o tags --no-headers --filter 'name == "node2.example.com"'"""
    assert admin.types(line).text == "a,b\n"
    assert admin.types(f"{line} | sed -e 's/,/ /g'").text == "a b\n"
