# SPDX-License-Identifier: BSD-2-Clause
"""Guests that are changed: more of everything, other devices, other ways to boot."""

import yaml

from tests.real.cluster.test_hotplug import seen
from tests.real.cluster.work import eventually
from tests.real.procedures.administrator import procedure

ISO = "dd if=/dev/zero of=/srv/iso/{0} bs=1M count=1 status=none"


def has_image(admin, name):
    """The drive's image, on the master."""
    admin.types(f"mkdir -p /srv/iso; {ISO.format(name)}")
    admin.afterwards("gnt-cluster command rm -rf /srv/iso")


@procedure("mod-01", instead={"memory=4g": "memory=160m"})
def test_more_memory_and_processors(admin):
    """More memory and processors."""
    admin.has_guest()
    admin.types("gnt-instance modify -B vcpus=2 web1.example.com")
    admin.types("gnt-instance modify -B memory=4g web1.example.com")
    admin.types("gnt-instance modify --backend-parameters=vcpus=4 web1.example.com")
    assert admin.sees("be/minmem,be/maxmem", "web1") == ["160", "160"]
    admin.types("gnt-instance reboot web1.example.com")
    line = "gnt-instance list -o name,be/memory,be/vcpus,oper_ram,oper_vcpus web1.example.com"
    assert admin.types(line).lines[1].split() == ["web1.example.com", "160M", "4", "160M", "4"]
    assert admin.boot_of() == 2


@procedure("mod-03")
def test_a_disk_and_a_card_without_an_index(admin):
    """Add a disk and a NIC to a guest, both written without an index."""
    admin.has_guest()
    admin.types("gnt-instance modify --disk add:size=20G web1.example.com")
    admin.types("gnt-instance modify --net add:link=br42 web1.example.com")
    assert admin.sees("disk.sizes,nic.links", "web1") == ["1024,20480", "br0,br42"]
    eventually(lambda: len(seen(admin, "node2")) == 4)  # the guest has both, and did not need a reboot
    admin.types("gnt-instance reboot web1.example.com")
    admin.boot_of()
    admin.types("gnt-instance modify --disk 1:remove web1.example.com")
    admin.types("gnt-instance modify --net 1:remove web1.example.com")
    assert admin.sees("disk.sizes,nic.links", "web1") == ["1024", "br0"]


@procedure("mod-05")
def test_a_mac_and_a_vlan(admin):
    """Fix the MAC, tag a VLAN on a vlan-aware bridge."""
    admin.has_instance()
    admin.types("gnt-instance modify --net 0:mac=aa:00:00:12:34:56 web1.example.com")
    admin.types("gnt-instance modify --net 0:modify,vlan=100 web1")
    line = "gnt-instance list --no-headers --separator=' ' -o name,nic.macs,nic.vlans web1.example.com"
    assert admin.types(line).text == "web1.example.com aa:00:00:12:34:56 100\n"


@procedure("mod-06")
def test_an_address_from_a_pool_and_back_to_none(admin):
    """NIC with an address from a pool, and back to none."""
    for number in (1, 2):
        admin.has_network(f"net{number}", f"192.0.{number}.0/24")
    admin.has_instance()
    admin.types("gnt-instance modify --net -1:add,ip=pool,network=net1 web1.example.com")
    assert admin.sees("nic.ips,nic.networks.names", "web1") == [",192.0.1.1", ",net1"]
    admin.types("gnt-instance shutdown web1.example.com")  # what runs keeps its address until it is stopped
    admin.types("gnt-instance modify --net -1:ip=none,network=net2 web1.example.com")
    assert admin.sees("nic.count,nic.networks.names", "web1") == ["2", ",net2"]
    assert admin.sees("name,free_count", of="network") == ["net1", "254", "net2", "254"]


@procedure("mod-08")
def test_reinstalling_over_the_network(admin):
    """Reinstall over the network from outside: boot order round trip."""
    admin.has_guest()
    admin.types("gnt-instance modify --hypervisor-parameters=boot_order=network web1.example.com")
    admin.types("gnt-instance shutdown --force --timeout=2 web1.example.com")
    assert admin.sees("status", "web1") == ["ADMIN_down"]
    admin.types("gnt-instance startup --force web1.example.com")
    assert f"mac={admin.sees('nic.macs', 'web1')[0]},bootindex=1" in admin.qemu_of()
    before = admin.types("cat /var/run/ganeti/kvm-hypervisor/pid/web1.example.com", on="node2").text
    admin.types("gnt-instance modify --hypervisor-parameters=boot_order=disk web1.example.com")
    assert admin.types("cat /var/run/ganeti/kvm-hypervisor/pid/web1.example.com", on="node2").text == before
    # A guest that hangs in its firmware does not power off: it is killed after the time that was given.
    admin.types("gnt-instance shutdown --force --timeout=2 web1.example.com")
    assert admin.sees("status", "web1") == ["ADMIN_down"]


# What hangs in its firmware would be waited for for two minutes.
@procedure("mod-09", instead={"reboot web1": "reboot --shutdown-timeout=2 web1"})
def test_booting_once_from_a_cd(admin):
    """Boot once from a CD."""
    has_image(admin, "install.iso")
    admin.types("gnt-cluster command mkdir -p /srv/iso && gnt-cluster copyfile /srv/iso/install.iso")
    admin.has_guest()
    admin.types("gnt-instance shutdown --timeout=0 web1")
    admin.types(
        "gnt-instance start -H cdrom_image_path=/srv/iso/install.iso,boot_order=cdrom,vnc_bind_address=127.0.0.1"
        " web1.example.com"
    )
    told = admin.types('gnt-instance info web1.example.com | grep "console connection"').text
    port = int(admin.sees("network_port", "web1")[0])
    assert told == f"  console connection: vnc to 127.0.0.1:{port} (node node2.example.com) (display {port - 5900})\n"
    assert "/srv/iso/install.iso" in admin.qemu_of()
    admin.types("gnt-instance reboot web1.example.com")
    assert "/srv/iso/install.iso" not in admin.qemu_of()
    assert admin.boot_of() == 2
    assert (
        admin.types("gnt-instance info web1.example.com | grep boot_order").text == "    boot_order: default (disk)\n"
    )


@procedure("mod-11")
def test_a_rescue_system_in_the_drive(admin):
    """Rescue system in the drive, stored until taken out."""
    has_image(admin, "grml.iso")
    admin.types("ssh node2 mkdir -p /srv/iso; scp -q /srv/iso/grml.iso node2:/srv/iso/")
    admin.has_guest()
    admin.types(
        "gnt-instance modify -H kernel_path=,initrd_path=,boot_order=cdrom,cdrom_image_path=/srv/iso/grml.iso web1"
    )
    admin.types("gnt-instance reboot web1")
    assert "/srv/iso/grml.iso" in admin.qemu_of()
    # Another node has no such image: the guest stays where it runs.
    assert "/srv/iso/grml.iso" in admin.types("gnt-instance migrate -f -n node3 web1", status=1).errors
    assert admin.sees("pnode,status", "web1") == ["node2.example.com", "running"]
    admin.types("gnt-instance modify -H kernel_path=,initrd_path=,boot_order=disk,cdrom_image_path= web1")
    admin.types("gnt-instance reboot --shutdown-timeout=0 web1")
    assert "grml.iso" not in admin.qemu_of()
    assert admin.boot_of() == 2


@procedure("mod-13")
def test_a_guest_that_never_finishes_migrating(admin):
    """Busy guest that never finishes migrating."""
    admin.has_guest()
    monitor = "/usr/bin/socat STDIO UNIX-CONNECT:/var/run/ganeti/kvm-hypervisor/ctrl/web1.example.com.monitor"
    admin.types("gnt-cluster modify -H kvm:migration_bandwidth=1")
    admin.afterwards("gnt-cluster modify -H kvm:migration_bandwidth=32,migration_caps=")
    job = admin.types("gnt-instance migrate -f --submit --print-jobid web1").words[0]
    look = f"echo 'info migrate' | {monitor} | grep dirty"
    eventually(lambda: admin.lab.node("node2").run("bash", "-c", look.replace("example.com", "lab.test")).output)
    admin.types(f"echo 'migrate_cancel' | {monitor}", on="node2")
    admin.types(f"gnt-job watch {job}", status=1)
    assert admin.sees("pnode,status", "web1") == ["node2.example.com", "running"]
    admin.types("gnt-instance modify -H migration_downtime=2000 web1")
    admin.types("gnt-cluster modify -H kvm:migration_caps=xbzrle:auto-converge:zero-blocks")
    admin.types("gnt-cluster modify -H kvm:migration_bandwidth=32")
    count = admin.count_of()
    admin.types("gnt-instance migrate -f web1")
    assert admin.sees("pnode", "web1") == ["node3.example.com"]
    assert admin.count_of() > count


# The machines of the lab have processors 0 and 1.
@procedure("mod-14", instead={"1-2": "0-1"})
def test_queues_pinning_and_topology(admin):
    """Multi-queue NIC, CPU pinning, CPU topology."""
    admin.has_guest(options="-B vcpus=2")
    admin.types("gnt-instance modify -H virtio_net_queues=4 web1.example.com")
    admin.types("gnt-instance modify -H cpu_mask=1-2:all web1.example.com")
    admin.types("gnt-cluster modify -H kvm:cpu_sockets=1")
    admin.afterwards("gnt-cluster modify -H kvm:cpu_sockets=0")
    assert "cpu_mask" in admin.is_refused("gnt-instance modify -H cpu_mask=1-2:all:0 web1")
    admin.types("gnt-instance reboot web1")
    admin.boot_of()
    assert "queues=4" in admin.qemu_of() or "mq=on" in admin.qemu_of()
    assert "-smp 2,sockets=1" in admin.qemu_of()


@procedure("mod-17")
def test_vnc_if_there_is_none(admin):
    """Turn on VNC for a guest if it has none."""
    admin.has_guest()
    admin.types(
        "gnt-instance info web1 | grep 'console connection:' || gnt-instance modify -H vnc_bind_address=127.0.0.1 web1"
    )
    admin.types("gnt-instance reboot web1")
    told = admin.types(
        "gnt-instance info web1 | grep 'console connection:' | tr -d '()' | tr ':' ' '"
        """ | awk '{ print "ssh -L "$6":"$5":"$6" "$8"; vncviewer localhost:"$10 }'"""
    ).text
    port = int(admin.sees("network_port", "web1")[0])
    assert told == f"ssh -L {port}:127.0.0.1:{port} node2.example.com; vncviewer localhost:{port - 5900}\n"
    with_vnc = admin.types(f"(sleep 1) | socat - TCP:127.0.0.1:{port} | head -c 3", on="node2").text
    assert with_vnc == "RFB"


def powers_off_from_inside(admin):
    with admin.console() as console:
        console.write("poweroff")
        console.rest()


@procedure("mod-18", instead={"--user-shutdown yes": "--user-shutdown yes -H kvm:user_shutdown=true"})
def test_guests_that_power_off_from_inside(admin):
    """Guests may be powered off from inside."""
    admin.has_guest()
    admin.types("gnt-cluster watcher pause 3600")
    admin.types("gnt-cluster modify --user-shutdown yes")
    admin.afterwards("gnt-cluster modify --user-shutdown no -H kvm:user_shutdown=false", "gnt-cluster watcher continue")
    powers_off_from_inside(admin)
    status = "gnt-instance list --no-headers -o status web1"
    admin.comes_to_be(status, "USER_down")
    assert admin.types("gnt-instance list -o name,status web1").lines[1].split() == ["web1.example.com", "USER_down"]
    admin.types("ganeti-watcher --ignore-pause")
    assert admin.types(status).text == "USER_down\n"
    admin.types("gnt-cluster modify --user-shutdown no -H kvm:user_shutdown=false")
    admin.types("gnt-instance start web1")
    admin.boot_of()
    powers_off_from_inside(admin)
    admin.comes_to_be(status, "ERROR_down")
    admin.types("ganeti-watcher --ignore-pause")
    assert admin.types(status).text == "running\n"


@procedure("mon-04")
def test_load_of_guests_from_the_run_directory(admin):
    """Per-guest load from the run directory."""
    admin.has_guest()
    pid = admin.types("cat /var/run/ganeti/kvm-hypervisor/pid/web1.example.com", on="node2").text.strip()
    assert "qemu" in admin.types(f"cat /proc/{pid}/task/{pid}/comm", on="node2").text
    tap = admin.types("cat /var/run/ganeti/kvm-hypervisor/nic/web1.example.com/0", on="node2").text.strip()
    admin.types(f"ip link show dev {tap}", on="node2")
    disk = admin.types("readlink /var/run/ganeti/instance-disks/web1.example.com:0", on="node2").text.strip()
    assert disk == yaml.safe_load(admin.info())[0]["Disks"][0]["on primary"]
    told = admin.types(r"ps h -C qemu-system-x86_64,kvm -o args | sed 's/.* -name \+\([^ ]*\).*/\1/'", on="node2").text
    assert told == "web1.example.com\n"
    told = admin.types("grep . /var/run/ganeti/kvm-hypervisor/nic/*/*", on="node2").text
    assert told.split(":")[-1].strip() == tap
    assert f"mac={admin.sees('nic.macs', 'web1')[0]}" in admin.qemu_of()
