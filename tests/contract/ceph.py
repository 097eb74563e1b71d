# SPDX-License-Identifier: BSD-2-Clause
"""A Ceph of its own for tests: a monitor, a manager and a storage daemon that keeps all in memory."""

import os
import shutil
import signal
import socket
import subprocess
import uuid
from contextlib import suppress
from pathlib import Path

MISSING = [name for name in ("ceph-mon", "ceph-mgr", "ceph-osd", "rbd") if not shutil.which(name)]
POOL = "fast"

CONFIGURATION = """[global]
fsid = {fsid}
mon_host = v2:{address}:{port}
public_addr = {address}
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
run_dir = {directory}
admin_socket = {directory}/$name.asok
pid_file = {directory}/$name.pid
log_file = {directory}/$name.log
mon_data = {directory}/mon
mgr_data = {directory}/mgr
osd_data = {directory}/osd
osd_objectstore = memstore
memstore_device_bytes = 1G
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 4
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_data_avail_crit = 1
ms_bind_ipv6 = false
ms_bind_msgr1 = false
"""


class Ceph:
    """``address``: where it is reached."""

    def __init__(self, directory: Path, address: str = "127.0.0.1") -> None:
        self.directory = directory
        self.configuration = directory / "ceph.conf"
        self._fsid, self._address, self._port = str(uuid.uuid4()), address, free_port(address)
        directory.mkdir(parents=True)
        for daemon in ("mon", "mgr", "osd"):
            (directory / daemon).mkdir()

    def start(self):
        told = {"fsid": self._fsid, "address": self._address, "port": self._port, "directory": self.directory}
        self.configuration.write_text(CONFIGURATION.format(**told))
        monitors = self.directory / "monmap"
        self._run(
            *("monmaptool", "--create", "--addv", "a", f"[v2:{self._address}:{self._port}]"),
            *("--fsid", self._fsid, monitors),
        )
        self._run("ceph-mon", "--mkfs", "-i", "a", "--monmap", monitors)
        self._run("ceph-mon", "-i", "a")
        self._run("ceph-mgr", "-i", "x")
        osd = str(uuid.uuid4())
        self._run("ceph", "osd", "new", osd, "0")
        self._run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd)
        self._run("ceph-osd", "-i", "0")
        self._run("ceph", "osd", "pool", "create", POOL, "4")
        self._run("rbd", "pool", "init", POOL)

    def stop(self):
        for path in self.directory.glob("*.pid"):
            with suppress(ProcessLookupError, ValueError):
                os.kill(int(path.read_text()), signal.SIGKILL)

    def pause(self, daemon):
        """It does not answer any more; ``resume`` has it go on."""
        os.kill(self._pid(daemon), signal.SIGSTOP)

    def resume(self, daemon):
        os.kill(self._pid(daemon), signal.SIGCONT)

    def rbd(self, *words, **more):
        return self._run("rbd", *words, **more)

    def _pid(self, daemon):
        return int((self.directory / f"{daemon}.pid").read_text())

    def _run(self, program, *words, **more):
        command = [program, *([] if program == "monmaptool" else ["--conf", self.configuration]), *words]
        return subprocess.run(command, check=True, capture_output=True, timeout=300, **more).stdout


def free_port(address):
    with socket.create_server((address, 0)) as one:
        return one.getsockname()[1]
