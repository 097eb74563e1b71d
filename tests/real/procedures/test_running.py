# SPDX-License-Identifier: BSD-2-Clause
"""Instances that are started, stopped, renamed and removed; the node's own commands."""

from tests.real.procedures.administrator import procedure


@procedure("life-02")
def test_everything_on_a_node_down_and_up(admin):
    """Everything on a node down and up; pull the plug."""
    admin.has_instance("web1.example.com")
    admin.has_instance("web2.example.com")
    admin.has_instance("web3.example.com", on="node3")
    admin.answers_yes("gnt-instance shutdown -f --primary node2.example.com")
    assert admin.sees("status") == ["ADMIN_down", "ADMIN_down", "running"]
    admin.answers_yes("gnt-instance start -f --primary node2.example.com")
    assert admin.sees("status") == ["running"] * 3
    admin.types("gnt-instance shutdown --timeout=0 web1.example.com")
    assert admin.sees("status", "web1") == ["ADMIN_down"]


@procedure("life-03")
def test_a_list_of_guests_down_and_up(admin):
    """A list of guests down for a node reboot, later up again."""
    admin.has_instance("web1.example.com")
    admin.has_instance("web2.example.com")
    admin.has_instance("web3.example.com", on="node3")
    line = """gnt-instance list --no-header -o name --filter 'pnode == "node2.example.com" and admin_state == "up"'"""
    assert admin.types(line).text == "web1.example.com\nweb2.example.com\n"
    admin.types("gnt-instance shutdown --force-multiple web1.example.com web2.example.com")
    assert admin.types(line).text == ""
    admin.types("gnt-instance shutdown --force-multiple web1.example.com web2.example.com")
    admin.types("gnt-instance start --force-multiple web1.example.com web2.example.com")
    assert admin.types("gnt-instance list --no-headers -o admin_state web1.example.com").text == "up\n"


@procedure("life-04")
def test_removing_without_a_question(admin):
    """Remove guests without a question."""
    admin.has_network("net1", "192.0.2.0/24")
    admin.has_instance("web1.example.com", options="--net 0:ip=pool,network=net1 --tags a")
    admin.has_instance("web2.example.com")
    disks = "find /srv/ganeti/shared-file-storage -name '*.disk0'"
    assert len(admin.types(disks).lines) == 2
    admin.types("gnt-instance remove --shutdown-timeout=2 --force web1.example.com")
    admin.types("gnt-instance remove -f web2.example.com")
    told = admin.types("gnt-instance list web1.example.com", status=1)
    assert "web1.example.com" in told.errors
    assert "web1.example.com" not in told.text
    assert admin.types(disks).text == ""
    assert admin.sees("free_count", "net1", of="network") == ["254"]
    assert admin.types("gnt-cluster search-tags '^a$'", status=1).text == ""


@procedure("life-05")
def test_renaming_twice(admin):
    """Rename a guest without DNS, twice in a row."""
    admin.has_provider("named", 'echo "${0##*/} $OLD_INSTANCE_NAME $INSTANCE_NAME" >>/tmp/names', "default")
    admin.types(
        "gnt-instance add -t sharedfile -s 1G -H fake -o named+default -n node2 --no-name-check --no-ip-check"
        " web1.example.com"
    )
    admin.types("gnt-instance shutdown web1.example.com")
    admin.answers_yes("gnt-instance rename --no-ip-check --no-name-check web1.example.com web2.example.com")
    assert "/web2.example.com/" in admin.info("web2.example.com")
    admin.types("gnt-instance failover -f web2.example.com")
    (node,) = admin.sees("pnode", "web2")
    admin.answers_yes("gnt-instance rename --no-ip-check --no-name-check web2.example.com web1.example.com")
    assert "/web1.example.com/" in admin.info("web1.example.com")
    told = [line for name in ("node2", node) for line in admin.types("cat /tmp/names", on=name).lines]
    assert told[1:] == ["rename web1.example.com web2.example.com", "rename web2.example.com web1.example.com"]


@procedure("life-07", instead={"maxmem=2048": "maxmem=192"})
def test_kinds_of_reboot(admin):
    """Kinds of reboot, and start-time overrides."""
    admin.has_guest(
        options="-H kvm:kernel_path=/usr/share/ganeti/os/tiny/vmlinuz,initrd_path=/usr/share/ganeti/os/tiny/initrd.gz"
    )
    pid = "cat /var/run/ganeti/kvm-hypervisor/pid/web1.example.com"
    seen = [admin.types(pid, on="node2").text]
    for line in ('gnt-instance reboot "web1.example.com"', "gnt-instance reboot --type=full web1.example.com"):
        admin.types(line)
        seen.append(admin.types(pid, on="node2").text)
        admin.boot_of()
    assert len(set(seen)) == 3  # each is a new QEMU
    admin.types("gnt-instance shutdown web1")
    admin.types('gnt-instance start -H kernel_args="single" web1.example.com')
    assert " -append " in admin.qemu_of()
    assert "single" in admin.qemu_of()
    admin.boot_of()
    admin.types("gnt-instance shutdown web1")
    admin.types("gnt-instance start -B maxmem=2048 web1.example.com")
    assert "single" not in admin.qemu_of()
    assert admin.sees("oper_ram,be/maxmem", "web1") == ["192", "128"]
    admin.boot_of()
    admin.types("gnt-instance reboot web1")
    assert admin.sees("oper_ram", "web1") == ["128"]


@procedure("disk-10", instead={"activate-disks --ignore-size": "activate-disks"})
def test_correcting_recorded_sizes(admin):
    """Correct recorded disk sizes."""
    admin.has_instance()
    admin.types("gnt-instance shutdown web1")
    assert admin.types("gnt-instance activate-disks --ignore-size web1.example.com").text.startswith(
        "node2.example.com:disk/0:/srv/ganeti/shared-file-storage/web1.example.com/"
    )
    admin.types("truncate -s 1200M $(find /srv/ganeti/shared-file-storage -name '*.disk0')")
    told = admin.types("gnt-cluster repair-disk-sizes")
    assert "web1.example.com" in told.text
    line = "gnt-instance list --no-headers -o name,disk.sizes web1.example.com"
    assert admin.types(line).text.split() == ["web1.example.com", "1200"]


@procedure("cmd-01", instead={"lvs -o vg_name,name,size,tags --unit g --noheadings": "df --output=target,size /"})
def test_a_command_on_all_nodes(admin):
    """Run on all nodes and filter the noise."""
    line = (
        "gnt-cluster command -M lvs -o vg_name,name,size,tags --unit g --noheadings | grep -v"
        " '^return' | grep -v '^--*$'"
    )
    told = [text.split(": ")[0] for text in admin.types(line).lines]
    assert sorted(set(told)) == [f"node{number}.example.com" for number in (1, 2, 3)]
    assert len(told) == 6
    admin.types("echo 'echo probed' >/tmp/probe.sh; chmod 755 /tmp/probe.sh")
    admin.types("gnt-cluster copyfile /tmp/probe.sh")
    told = admin.types("gnt-cluster command -M /tmp/probe.sh").lines
    assert [line for line in told if "probed" in line] == [f"node{number}.example.com: probed" for number in (2, 3, 1)]
    assert told.count("return code = 0") == 3
    assert sum(set(line) == {"-"} for line in told) == 3
    told = admin.types("gnt-cluster command -n node1.example.com -n node2.example.com date").lines
    assert [line for line in told if line.startswith("node: ")] == [
        "node: node2.example.com",
        "node: node1.example.com",
    ]


@procedure("hook-02")
def test_storage_is_prepared_on_the_target(admin):
    """Prepare storage on the target before a migration."""
    admin.has_instance()
    place = "/etc/ganeti/hooks/instance-migrate-pre.d"
    hook = r"printf '#!/bin/sh\nenv | grep ^GANETI_ >/tmp/mig.env\n'"
    for node in admin.lab.nodes:
        admin.types(f"mkdir -p {place}; {hook} >{place}/storage; chmod 755 {place}/storage", on=node.name)
        admin.afterwards(f"ssh {node.name} rm -r {place}")
    admin.types("gnt-instance migrate -f web1.example.com")
    (target,) = admin.sees("pnode", "web1")
    look = "grep -E '^GANETI_(NEW_PRIMARY|INSTANCE_NAME|INSTANCE_DISK_TEMPLATE)=' /tmp/mig.env"
    assert sorted(admin.types(look, on=target).lines) == [
        "GANETI_INSTANCE_DISK_TEMPLATE=sharedfile",
        "GANETI_INSTANCE_NAME=web1.example.com",
        f"GANETI_NEW_PRIMARY={target}",
    ]
    admin.types(f"printf '#!/bin/sh\\nexit 1\\n' >{place}/storage", on="node2")
    admin.types("gnt-instance migrate -f -n node2 web1.example.com", status=1)
    assert admin.sees("pnode,status", "web1") == [target, "running"]
