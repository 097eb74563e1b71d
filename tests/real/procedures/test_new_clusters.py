# SPDX-License-Identifier: BSD-2-Clause
"""Clusters that are made, by hand and by configuration management. Each of these has machines without one."""

import re

import yaml

from tests.real.procedures.administrator import procedure

# Volume groups need a kernel with device mapper (tests/vm); where they are is not the point of these.
NO_LVM = {
    "--vg-name=ganeti": "",
    "--vg-name ganeti": "",
    "--vg-name vms": "",
    "eth0": "br0",
    "eth1": "br0",
    "br42": "br0",
}
FILES = "--enabled-disk-templates=sharedfile,file,diskless"


def info(newcomer):
    return yaml.safe_load(newcomer.types("gnt-cluster info").text)


@procedure("init-02", instead={**NO_LVM, "--no-ssh-init": f"{FILES} --no-ssh-init"})
def test_defaults_given_at_once(newcomer):
    """Init with allocator, NIC and KVM defaults given at once, names and keys managed from outside."""
    files = "cat /etc/hosts /root/.ssh/*"
    before = newcomer.types(files).text
    newcomer.types(
        "gnt-cluster init --enabled-hypervisors=kvm --no-ssh-init --no-etc-hosts --vg-name=ganeti"
        " --nic-parameters link=br0,mode=bridged --master-netdev eth0 --default-iallocator hail"
        " --hypervisor-parameters kvm:kernel_path=,vnc_bind_address=0.0.0.0 cluster.example.com"
    )
    newcomer.types("gnt-cluster modify --disk-parameters=drbd:metavg=ganeti")
    newcomer.types("gnt-group modify --disk-parameters=drbd:metavg=ganeti default")
    assert newcomer.types(files).text == before
    told = info(newcomer)
    assert told["Cluster parameters"]["default instance allocator"] == "hail"
    kvm = told["Hypervisor parameters"]["kvm"]
    assert (kvm["kernel_path"], kvm["vnc_bind_address"]) == (None, "0.0.0.0")
    assert told["Default disk parameters"]["drbd"]["metavg"] == "ganeti"
    assert "metavg: ganeti" in newcomer.types("gnt-group info default").text


@procedure(
    "init-03",
    instead={**NO_LVM, "-s 198.51.100.1": f"{FILES} -s 198.51.100.1", "/boot/guest/vmlinuz-x86_64": "/boot/vmlinuz"},
)
def test_a_second_network_and_defaults_of_guests(newcomer):
    """Dual-homed init: replication addresses, backend defaults and a host kernel."""
    for number in (1, 2):
        newcomer.types(f"ip address add 198.51.100.{number}/24 dev br0", on=f"node{number}")
        newcomer.afterwards(f"ssh node{number} ip address del 198.51.100.{number}/24 dev br0")
    newcomer.types(
        "gnt-cluster init --master-netdev=br42 --vg-name ganeti -s 198.51.100.1 --enabled-hypervisors=kvm -N link=br113"
        " -B vcpus=2,memory=512M -H kvm:kernel_path=/boot/guest/vmlinuz-x86_64 cluster.example.com"
    )
    newcomer.types("gnt-node add -s 198.51.100.2 node2.example.com")
    newcomer.types("gnt-cluster modify -B vcpus=2,memory=512M")
    newcomer.types("gnt-cluster modify -N link=br113")
    told = info(newcomer)
    defaults = told["Default instance parameters"]["default"]
    assert (defaults["minmem"], defaults["maxmem"], defaults["vcpus"]) == (512, 512, 2)
    assert told["Default nic parameters"]["default"]["link"] == "br113"
    assert newcomer.sees("sip", of="node") == ["198.51.100.1", "198.51.100.2"]
    newcomer.types(
        "gnt-instance add -t file -s 1G -o tiny+default --no-install -n node2 --no-name-check --no-ip-check"
        " -H kvm:kernel_path= web1.example.com"
    )
    newcomer.afterwards("gnt-instance remove -f web1")
    assert newcomer.sees("be/memory,be/vcpus,nic.links", "web1") == ["512", "2", "br113"]


@procedure("init-04", instead={**NO_LVM, "plain,drbd": "file,diskless"})
def test_an_init_on_every_convergence(newcomer):
    """Init from configuration management, run again on every convergence."""
    line = (
        "test -e /var/lib/ganeti/config.data || gnt-cluster init --enabled-disk-templates"
        " plain,drbd --master-netdev=eth1"
        " --enabled-hypervisors=kvm -N mode=bridged,link=br0 cluster.example.com"
    )
    newcomer.types(line)
    newcomer.types("while [ ! -e /var/lib/ganeti/config.data ]; do sleep 0.1; done")
    (before,) = re.findall("UUID: .*", newcomer.types("gnt-cluster info").text)
    assert newcomer.types(line).text == ""
    told = newcomer.types(
        """python3 -c 'import json;"""
        """ print(json.load(open("/var/lib/ganeti/config.data"))["cluster"]["enabled_hypervisors"])'"""
    )
    assert told.text == "['kvm']\n"
    newcomer.types("gnt-cluster verify --error-codes")
    labels = "Master node: node1.example.com|Default hypervisor: kvm|Enabled hypervisors: kvm|master netdev: eth1"
    assert len(newcomer.types(f'gnt-cluster info | grep -E "{labels}"').lines) == 4
    assert before in newcomer.types("gnt-cluster info").text


@procedure("init-05", instead={**NO_LVM, "plain,diskless": "file,diskless"})
def test_ssh_on_another_port(newcomer):
    """Cluster whose nodes listen for ssh on another port, only plain and diskless."""
    for node in newcomer.lab.nodes:
        newcomer.types("/usr/sbin/sshd -p 51083 -o PidFile=/run/sshd-51083.pid", on=node.name)
    newcomer.types(
        "gnt-cluster init --vg-name vms --master-netdev br0 --enabled-hypervisors kvm"
        ' --hypervisor-parameters kvm:kernel_path=""'
        " --enabled-disk-templates plain,diskless --node-parameters ssh_port=51083 cluster.example.com"
    )
    # Nobody listens on port 22 from here on.
    stop = "kill $(cat /run/sshd.pid)"
    newcomer.types(stop, on="node2")
    newcomer.afterwards("ssh -p 51083 node2 /usr/sbin/sshd")
    newcomer.types("gnt-node add node2.example.com")
    newcomer.types("gnt-cluster copyfile /etc/motd")
    told = newcomer.types("gnt-cluster command -M hostname").lines
    assert "node2.example.com: node2" in told
    assert not re.search("ssh", newcomer.types("gnt-cluster verify").text.lower().replace("verifying ssh", ""))
    refused = newcomer.is_refused(
        "gnt-instance add -t drbd -s 1G -o tiny -n node1:node2 --no-name-check --no-ip-check web1.example.com"
    )
    assert "'drbd' is not enabled" in refused


@procedure("init-08")
def test_defaults_for_speed(admin):
    """Performance defaults set cluster-wide after init."""
    admin.has_instance()
    before = yaml.safe_load(admin.types("gnt-cluster info").text)
    kvm, drbd = before["Hypervisor parameters"]["kvm"], before["Default disk parameters"]["drbd"]
    admin.types("gnt-cluster modify --nic-parameters mode=bridged,link=br0")
    admin.types("gnt-cluster modify --default-iallocator hail")
    admin.types(
        "gnt-cluster modify --disk-parameters"
        " drbd:disk-barriers='n',protocol='C',dynamic-resync='true',c-plan-ahead='20',"
        "c-min-rate='104857600',c-max-rate='1073741824',metavg='gnt',"
        "net-custom='--max-buffers=16000 --max-epoch-size=16000' --drbd-usermode-helper /bin/true"
    )
    admin.types(
        "gnt-cluster modify --hypervisor-parameters kvm:disk_aio='native',kernel_path='',disk_cache='none',"
        "migration_bandwidth=1000,migration_downtime=30,serial_console=false,vhost_net=true"
    )
    told = yaml.safe_load(admin.types("gnt-cluster info").text)
    set_to = told["Default disk parameters"]["drbd"]
    assert set_to["net-custom"] == "--max-buffers=16000 --max-epoch-size=16000"
    assert (set_to["dynamic-resync"], set_to["c-max-rate"], set_to["metavg"]) == (True, 1073741824, "gnt")
    set_to = told["Hypervisor parameters"]["kvm"]
    assert (set_to["disk_aio"], set_to["serial_console"], set_to["migration_bandwidth"]) == ("native", False, 1000)
    assert admin.sees("status", "web1") == ["running"]
    admin.types("gnt-cluster modify --drbd-usermode-helper '' -D " + quoted("drbd", drbd))
    admin.types(
        "gnt-cluster modify -H " + quoted("kvm", {name: kvm[name] for name in set_to if kvm[name] != set_to[name]})
    )


@procedure("disk-08")
def test_rates_and_buffers(admin):
    """DRBD rates and buffers."""
    before = yaml.safe_load(admin.types("gnt-cluster info").text)["Default disk parameters"]["drbd"]
    admin.types('gnt-cluster modify -D drbd:net-custom="--max-buffers 36k --sndbuf-size 1024k --rcvbuf-size 2048k"')
    admin.types("gnt-cluster modify -D drbd:c-min-rate=32768")
    admin.types("gnt-cluster modify -D drbd:c-max-rate=98304")
    admin.types("gnt-cluster modify -D drbd:resync-rate=98304")

    def now():
        return yaml.safe_load(admin.types("gnt-cluster info").text)["Default disk parameters"]["drbd"]

    assert (now()["c-min-rate"], now()["c-max-rate"], now()["resync-rate"]) == (32768, 98304, 98304)
    assert now()["net-custom"] == "--max-buffers 36k --sndbuf-size 1024k --rcvbuf-size 2048k"
    admin.types(
        "gnt-cluster modify -D drbd:disk-custom='--al-extents 3833',net-custom='--max-buffers 8000"
        " --max-epoch-size 8000'"
    )
    admin.types("gnt-cluster modify -D drbd:metavg=vmvg")
    assert (now()["disk-custom"], now()["metavg"], now()["resync-rate"]) == ("--al-extents 3833", "vmvg", 98304)
    admin.types("gnt-cluster modify -D " + quoted("drbd", before))


def quoted(what, values):
    words = ",".join(f"{name}={'' if value is None else value}" for name, value in values.items())
    return f"'{what}:{words}'"


@procedure(
    "init-09", instead={"--enabled-hypervisors=xen-pvm": f"--enabled-hypervisors=fake {FILES} --master-netdev=br0"}
)
def test_an_init_only_if_no_cluster_answers(newcomer):
    """Init only if no cluster answers."""
    told = newcomer.types("gnt-cluster info", status=5)
    assert (told.text, "cluster" in told.errors) == ("", True)
    newcomer.types("gnt-cluster info >/dev/null 2>&1 || gnt-cluster init --enabled-hypervisors=xen-pvm cluster")
    assert newcomer.types("gnt-cluster info >/dev/null 2>&1; echo $?").text == "0\n"
