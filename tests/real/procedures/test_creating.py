# SPDX-License-Identifier: BSD-2-Clause
"""Instances that are made: placed by an allocator, with providers of operating systems and of disks."""

import json

import yaml

from tests.real.procedures.administrator import procedure, write_program

SHARED = {"-t drbd": "-t sharedfile"}  # what all nodes see stands for what is mirrored


def placed_in(admin, group, *nodes):
    admin.types(f"gnt-group add {group} && gnt-group assign-nodes {group} {' '.join(nodes)}")
    admin.afterwards(f"gnt-group assign-nodes default {' '.join(nodes)} && gnt-group remove {group}")


@procedure("add-02", instead={**SHARED, "debootstrap+default": "tiny+default", "link=private": "link=br100"})
def test_a_guest_that_installs_itself(admin):
    """Guest that installs itself over the network, placed by hail in a group."""
    placed_in(admin, "row_A", "node2", "node3")
    admin.types(
        "gnt-instance add -t drbd -I hail --net 0:link=private --hypervisor-parameters=kvm:boot_order=network"
        " -o debootstrap+default --no-install -g row_A -B vcpus=2,memory=4g --disk 0:size=20g"
        " --no-name-check --no-ip-check web1.example.com"
    )
    assert admin.sees("pnode,status", "web1")[0] in ("node2.example.com", "node3.example.com")
    head, mac = admin.types("gnt-instance list -o nic.mac/0 web1.example.com").lines
    assert (head, mac) == ("NicMAC/0", admin.sees("nic.macs", "web1")[0])
    admin.types("gnt-instance start web1.example.com")
    started = admin.qemu_of()
    assert "-m 4096M" in started
    assert f"mac={mac},bootindex=1" in started
    admin.types("gnt-instance modify --hypervisor-parameters=boot_order=disk web1.example.com")
    assert admin.qemu_of() == started
    admin.types("gnt-instance shutdown --timeout=0 web1 && gnt-instance start web1")
    assert f"mac={mac},bootindex" not in admin.qemu_of()


@procedure("add-03", instead={**SHARED, "debootstrap+default": "tiny+default"})
def test_a_guest_that_learns_its_addresses_from_firmware(admin):
    """Routed guest that learns its addresses through firmware configuration."""
    placed_in(admin, "row_A", "node2", "node3")
    admin.types(
        "gnt-instance add -t drbd -I hail --net 0:ip=192.0.2.20 --hypervisor-parameters=kvm:boot_order=network,"
        r'kvm_extra="-fw_cfg name=opt/ip\,string=192.0.2.20 -fw_cfg name=opt/ip6\,string=2001:db8::20"'
        " -o debootstrap+default --no-install -g row_A -B vcpus=2,memory=4g --disk 0:size=20g"
        " --no-name-check --no-ip-check web1.example.com"
    )
    extra = "-fw_cfg name=opt/ip,string=192.0.2.20 -fw_cfg name=opt/ip6,string=2001:db8::20"
    assert admin.types("gnt-instance info web1.example.com | grep kvm_extra").text == f"    kvm_extra: {extra}\n"
    admin.types("gnt-instance start web1")
    assert admin.qemu_of().strip().endswith(extra)


@procedure("add-05", instead={**SHARED, "/boot/guest/vmlinuz-x86_64": "/usr/share/ganeti/os/tiny/vmlinuz"})
def test_an_image_with_a_kernel_of_the_host(admin):
    """Image-based guest with a kernel of the host, left down."""
    admin.has_provider("image", 'echo "$OS_VARIANT $HYPERVISOR $DISK_COUNT" >/tmp/image.env', "debian", "fedora")
    admin.types(
        "gnt-instance add -t drbd -s 10G -o image+debian --net 0:link=br100 -B memory=512M"
        ' -H kvm:kernel_path="/boot/guest/vmlinuz-x86_64" --no-start -I hail'
        " --no-name-check --no-ip-check web1.example.com"
    )
    (node,) = admin.sees("pnode", "web1")
    assert admin.types("cat /tmp/image.env", on=node).text == "debian kvm 1\n"
    assert admin.types("gnt-instance list --no-headers -o status web1.example.com").text == "ADMIN_down\n"


PROVIDER = """\
set -e
cd /srv/ganeti/shared-file-storage
note=/run/$VOL_NAME
stage=${0##*/}
case $stage in
create) truncate -s "${VOL_SIZE}M" "$VOL_NAME";;
attach) [ -s "$note" ] || losetup --find --show "$VOL_NAME" >"$note"; cat "$note";;
detach) [ ! -s "$note" ] || { losetup --detach "$(cat "$note")"; rm "$note"; };;
remove) rm "$VOL_NAME";;
esac
echo "$stage size=$VOL_SIZE $(env | grep ^EXTP_ | sort | tr '\\n' ' ')" >>calls"""


@procedure("add-10", instead={"debootstrap+default": "tiny+default"})
def test_disks_of_external_providers(admin):
    """Guest on external storage providers with parameters."""
    for node in admin.lab.nodes:
        for name in ("pvdr1", "pvdr2"):
            place = f"/usr/share/ganeti/extstorage/{name}"
            admin.types(f"mkdir -p {place}; echo param1 a >{place}/parameters.list", on=node.name)
            admin.types(
                f"for name in param2 param3 prm1; do echo $name a; done >>{place}/parameters.list", on=node.name
            )
            for stage in ("create", "attach", "detach", "remove", "grow", "setinfo", "verify", "snapshot"):
                write_program(node, f"{place}/{stage}", PROVIDER)
        admin.afterwards(f"ssh {node.name} rm -r /usr/share/ganeti/extstorage")
    admin.types(
        "gnt-instance add -t ext --disk 0:size=30g,provider=pvdr1,param1=val1"
        " --disk 1:size=40g,provider=pvdr2,param2=val2,param3=val3 -B maxmem=512"
        " -o debootstrap+default -n node1.example.com --no-name-check --no-ip-check --no-install web1.example.com"
    )
    log = "/srv/ganeti/shared-file-storage/calls"
    calls = [line.split() for line in admin.types(f"cat {log}").lines]
    created = [call[1:] for call in calls if call[0] == "create"]
    assert sorted(created) == [
        ["size=30720", "EXTP_PARAM1=val1"],
        ["size=40960", "EXTP_PARAM2=val2", "EXTP_PARAM3=val3"],
    ]
    admin.types("gnt-instance start web1")
    attached = {line.split(" ", 2)[2] for line in admin.types(f"cat {log}").lines if line.startswith("attach")}
    assert len(attached) == 2  # each disk with its parameters
    admin.types("gnt-instance shutdown --timeout=0 web1")
    admin.types("gnt-instance modify --disk 2:add,size=3G,provider=pvdr1,prm1=val1 web1.example.com")
    calls = [line.split() for line in admin.types(f"cat {log}").lines]
    assert [call[1:] for call in calls if call[0] == "create"][-1] == ["size=3072", "EXTP_PRM1=val1"]
    admin.types("gnt-instance remove -f web1")
    assert [line.split()[0] for line in admin.types(f"cat {log}; rm {log}").lines].count("remove") == 3


@procedure("add-11")
def test_a_provider_with_parameters_and_a_pool(admin):
    """Cloud-init style provider with OS parameters and a pool network."""
    admin.has_provider("nocloud", "env | sort >/tmp/nocloud.env", "ubuntu-18.04", parameters=["static_host_interface"])
    admin.has_network("net1", "192.0.2.0/27 --gateway=192.0.2.1")
    admin.types(
        "gnt-instance add -s 7G -o nocloud+ubuntu-18.04 -O static_host_interface=0 --net 0:network=net1,ip=192.0.2.20"
        " --no-start --no-name-check --no-ip-check web1.example.com"
    )
    told = yaml.safe_load(admin.info("web1.example.com"))[0]
    assert (told["Disk template"], told["NICs"][0]["IP"]) == ("sharedfile", "192.0.2.20")
    (node,) = admin.sees("pnode", "web1")
    seen = dict(line.split("=", 1) for line in admin.types("cat /tmp/nocloud.env", on=node).lines)
    assert (seen["OSP_STATIC_HOST_INTERFACE"], seen["OS_VARIANT"]) == ("0", "ubuntu-18.04")
    assert (seen["NIC_0_IP"], seen["NIC_0_NETWORK_GATEWAY"]) == ("192.0.2.20", "192.0.2.1")
    assert (seen["NIC_0_NETWORK_SUBNET"], seen["NIC_0_NETWORK_NAME"]) == ("192.0.2.0/27", "net1")


# Adopting the volume itself is tests/vm's.
@procedure(
    "add-13",
    instead={"lvcreate ": ": ", "-t plain": "-t sharedfile", "adopt=web1-disk": "size=30G", "br0063": "br42"},
)
def test_a_windows_guest(admin):
    """Windows guest adopted from a volume, provider chosen for backups only."""
    parameters = ["img_format", "img_id", "img_properties"]
    admin.has_provider("snf-image", "env | grep ^OSP_ | sort >/tmp/snf.env", "default", parameters=parameters)
    admin.types("lvcreate -L 30G -n web1-disk xenvg")
    admin.types(
        "gnt-instance add -B maxmem=2G,vcpus=4 -t plain -n node3 -o snf-image+default"
        """ --os-parameters=img_format=diskdump,img_id=windows2k3,img_properties='{"OSFAMILY":"windows"}'"""
        " --disk 0:adopt=web1-disk --net 0:link=br0063 --no-name-check --no-ip-check --no-start web1"
    )
    assert admin.types("cat /tmp/snf.env", on="node3").lines == [
        "OSP_IMG_FORMAT=diskdump",
        "OSP_IMG_ID=windows2k3",
        'OSP_IMG_PROPERTIES={"OSFAMILY":"windows"}',
    ]
    admin.types("gnt-instance modify -H kernel_path=/boot/vmlinuz,initrd_path=/boot/initrd --force web1")
    admin.types("gnt-instance modify -H initrd_path=,kernel_path=,boot_order=network web1")
    assert yaml.safe_load(admin.info("web1"))[0]["Hypervisor parameters"]["boot_order"] == "network"
    assert admin.sees("hv/kernel_path,hv/initrd_path", "web1") == ["", ""]
    assert admin.types("gnt-instance info web1 | grep MAC").text == f"      MAC: {admin.sees('nic.macs', 'web1')[0]}\n"


@procedure("add-14")
def test_many_guests_from_one_file(admin):
    """Many guests from one file."""
    shape = {
        "mode": "create",
        "disk_template": "sharedfile",
        "disks": [{"size": 1024}],
        "nics": [{}],
        "os_type": "tiny",
    }
    checks = {"name_check": False, "ip_check": False, "hypervisor": "fake", "no_install": True, "start": False}
    wanted = [{"instance_name": f"web{n}.lab.test", **shape, **checks} for n in (1, 2, 3)]
    admin.lab.node("node1").write("/root/instances.json", json.dumps(wanted))
    told = admin.types("gnt-instance batch-create -I hail instances.json").text
    assert admin.sees("name") == ["web1.example.com", "web2.example.com", "web3.example.com"]
    summaries = [line.split()[-1] for line in admin.types("gnt-job list").lines]
    assert sum(line.startswith("INSTANCE_MULTI_ALLOC") for line in summaries) == 1
    assert {f"INSTANCE_CREATE(web{n}.example.com)" for n in (1, 2, 3)} <= set(summaries), told
    admin.lab.node("node1").write(
        "/root/instances.json", json.dumps([wanted[0], wanted[0] | {"instance_name": "web4"}])
    )
    refused = admin.types("gnt-instance batch-create -I hail instances.json", status=1)
    assert "web1.example.com" in refused.text + refused.errors


@procedure("os-02", instead={"-t plain": "-t file", "debootstrap+dsa": "boot+dsa"})
def test_scripts_of_a_provider(admin):
    """debootstrap customisation scripts."""
    admin.has_provider("boot", "env | sort >/tmp/boot.env", "default", "dsa")
    admin.types(
        "gnt-instance add -t plain -s 10G -o debootstrap+dsa -n node1 --net 0:ip=192.0.2.20 --net 1:ip=198.51.100.20"
        " --no-start --no-name-check --no-ip-check web1.example.com"
    )
    seen = dict(line.split("=", 1) for line in admin.types("cat /tmp/boot.env").lines)
    assert (seen["NIC_COUNT"], seen["NIC_0_IP"], seen["NIC_1_IP"]) == ("2", "192.0.2.20", "198.51.100.20")
    assert (seen["OS_VARIANT"], seen["INSTANCE_NAME"]) == ("dsa", "web1.example.com")
    command = admin.types("gnt-instance console --show-cmd web1.example.com", status=1).errors
    assert "web1.example.com" in command
    admin.is_refused("gnt-instance add -t plain -s 10G -o boot+none -n node1 --no-name-check --no-ip-check web2")
