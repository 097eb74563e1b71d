# SPDX-License-Identifier: BSD-2-Clause
"""Guests that are exported to a node and imported from there, by real daemons and the tiny guest's own scripts."""

import configparser

from ganeti.lab.console import Console
from tests.real.cluster.work import eventually

WEB, COPY = "web1.lab.test", "web2.lab.test"
SHAPE = ("--disk", "0:size=64m", "--disk", "1:size=8m,name=data", "-B", "memory=128m,vcpus=1", "-o", "tiny+default")
ANYWAY = ("--no-name-check", "--no-ip-check", "--ignore-ipolicy")


def booted(cluster, node, name):
    """What the guest calls itself, and how often it has booted from its disk."""
    with Console(cluster.lab.node(node).path(f"/run/ganeti/kvm/{name}/serial")) as console:
        up = console.up(timeout=300)
        return up.name, up.boot


def directory(cluster, node):
    return cluster.lab.node(node).path("/srv/ganeti/export")


def strays(cluster):
    """What is in the directories of disks, of each node."""
    places = ("/srv/ganeti/file-storage", "/srv/ganeti/shared-file-storage")
    found = [cluster.lab.node(name).path(place).rglob("*disk*") for name in ("node1", "node2") for place in places]
    return sorted(path.name for paths in found for path in paths)


def test_a_guest_is_exported_while_it_sleeps_shortly_and_comes_back_under_another_name_elsewhere(cluster):
    cluster.gnt("gnt-instance", "add", "-t", "file", *SHAPE, "--no-nics", *ANYWAY, "-n", "node1", WEB)
    assert booted(cluster, "node1", WEB) == (WEB, 1)
    before = strays(cluster)

    said = cluster.gnt("gnt-backup", "export", "-n", "node2", "--transport-compression", "gzip-fast", WEB)
    assert "shutting down the instance" in said
    assert booted(cluster, "node1", WEB) == (WEB, 2)
    assert strays(cluster) == before
    assert cluster.gnt("gnt-backup", "list", "--no-headers", "--separator=|") == f"node2.lab.test|{WEB}\n"

    export = directory(cluster, "node2") / WEB
    config = configparser.ConfigParser(interpolation=None)
    config.read(export / "config.ini")
    assert (config["export"]["version"], config["export"]["os"]) == ("0", "tiny+default")
    dumps = [export / config["instance"][f"disk{n}_dump"] for n in range(2)]
    assert [dump.stat().st_size for dump in dumps] == [64 * 1024**2, 8 * 1024**2]
    assert {path.name for path in directory(cluster, "node2").iterdir()} == {WEB}

    source = ("--src-node", "node2", "--src-dir", WEB)
    cluster.gnt("gnt-backup", "import", "-t", "sharedfile", "-n", "node3", *source, *ANYWAY, COPY)
    assert cluster.gnt("gnt-instance", "list", "--no-headers", "-o", "status", COPY).strip() == "ADMIN_down"
    cluster.gnt("gnt-instance", "startup", COPY)
    # As it was when it was stopped, with its new name.
    assert booted(cluster, "node3", COPY) == (COPY, 2)

    cluster.gnt("gnt-backup", "remove", WEB)
    assert cluster.gnt("gnt-backup", "list", "--no-headers") == ""


def test_a_guest_whose_disks_are_images_is_removed_once_it_is_exported_and_begins_where_it_was(cluster):
    image = ("-t", "file", "--disk", "0:size=64m,format=qcow2", *SHAPE[4:])
    cluster.gnt("gnt-instance", "add", *image, "--no-nics", *ANYWAY, "-n", "node1", WEB)
    assert booted(cluster, "node1", WEB) == (WEB, 1)
    cluster.gnt("gnt-backup", "export", "-n", "node1", "--remove-instance", WEB)
    assert strays(cluster) == []
    assert cluster.gnt("gnt-instance", "list", "--no-headers") == ""
    cluster.gnt("gnt-backup", "import", "-n", "node2", *ANYWAY, WEB)
    cluster.gnt("gnt-instance", "startup", WEB)
    assert booted(cluster, "node2", WEB) == (WEB, 2)
    assert "format: qcow2" in cluster.gnt("gnt-instance", "info", WEB)


def test_an_export_whose_node_dies_costs_the_export_alone(cluster):
    provide(cluster)
    slow = ("-t", "file", "--disk", "0:size=8m", "-B", "memory=128m", "-o", "slow", "-H", "fake")
    cluster.gnt("gnt-instance", "add", *slow, "--no-nics", *ANYWAY, "-n", "node1", WEB)
    going_on(cluster).touch()
    cluster.gnt("gnt-backup", "export", "-n", "node3", WEB)
    before = contents(directory(cluster, "node3"))
    assert len(before) == 2

    going_on(cluster).unlink()
    going_on(cluster, "begun").unlink()
    job = cluster.gnt("gnt-backup", "export", "--submit", "--print-jobid", "-n", "node3", WEB).strip()
    eventually(lambda: (directory(cluster, "node3") / f".{WEB}.new").exists() and going_on(cluster, "begun").exists())
    cluster.kill("ganeti-noded", "node3")
    done = cluster.master.run("gnt-job", "watch", job, timeout=300)
    assert done.failed
    assert "The dump that goes to node3" in done.errors + done.output
    assert cluster.gnt("gnt-instance", "list", "--no-headers", "-o", "status", WEB).strip() == "running"
    assert len(strays(cluster)) == 1

    cluster.start("ganeti-noded", "node3")
    assert eventually(lambda: cluster.gnt("gnt-backup", "list", "--no-headers", "-o", "export").strip(), WEB.__eq__)
    assert {name: text for name, text in contents(directory(cluster, "node3")).items() if name in before} == before
    going_on(cluster).touch()
    cluster.gnt("gnt-backup", "export", "-n", "node3", WEB)
    assert {path.name for path in directory(cluster, "node3").iterdir()} == {WEB}
    cluster.gnt("gnt-backup", "import", "-n", "node2", *ANYWAY, "--src-dir", WEB, COPY)
    copy = next(cluster.lab.node("node2").path("/srv/ganeti/file-storage").rglob("*.disk0"))
    assert copy.read_bytes().startswith(b"made by the import script")


def provide(cluster):
    """An OS provider whose ``export`` waits until it may go on."""
    scripts = {
        "create": "",
        "export": 'echo beginning; touch "$PLACE.begun"; until [ -e "$PLACE" ]; do sleep 0.1; done; echo end',
        "import": '{ printf "made by the import script of "; cat; } | dd of="$IMPORT_DEVICE" conv=notrunc status=none',
        "rename": "",
        "verify": "",
    }
    for node in cluster.lab.nodes:
        provider = node.path("/srv/ganeti/os/slow")
        provider.mkdir(parents=True)
        (provider / "ganeti_api_version").write_text("15\n")
        (provider / "variants.list").write_text("")
        for name, text in scripts.items():
            (provider / name).write_text(f"#!/bin/sh -e\n{text.replace('$PLACE', '/srv/ganeti/go-on')}\n")
            (provider / name).chmod(0o755)


def going_on(cluster, when=""):
    path = cluster.lab.node("node1").path("/srv/ganeti/go-on")
    return path.with_name(f"{path.name}.{when}") if when else path


def contents(place):
    return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}
