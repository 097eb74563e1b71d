# SPDX-License-Identifier: BSD-2-Clause
"""A real Gluster of one server with one volume, for as long as tests need it."""

import shutil
import subprocess

from ganeti.errors import EnvironmentUnfit

MISSING = [name for name in ("glusterd", "mount.glusterfs") if not shutil.which(name)]
VOLUME = "gv0"
# In namespaces of its own, so that nothing of it is left when the first process ends, nor anything of another one seen.
_SERVER = f"""
set -e
for directory in /var/lib/glusterd /var/run/gluster /var/log/glusterfs; do
    mkdir -p $directory
    mount -t tmpfs none $directory
done
glusterd
until gluster --mode=script volume list >/dev/null 2>&1; do sleep 0.1; done
gluster --mode=script volume create {VOLUME} $(hostname):$0 force
gluster --mode=script volume start {VOLUME}
echo ready
exec cat
"""
_ALONE = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")


class Gluster:
    """``host`` and ``port`` are where it is reached. ``within`` begins a command that runs where it is to be."""

    port = 24007

    def __init__(self, directory, host="127.0.0.1", within=()):
        self.host = host
        if MISSING:
            raise EnvironmentUnfit("Gluster is not installed (glusterfs-server)")
        self._process = subprocess.Popen(
            [*within, *_ALONE, "sh", "-c", _SERVER, directory / "brick"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        told = ""
        for line in self._process.stdout:
            told += line
            if line == "ready\n":
                return
        self._process.wait()
        raise EnvironmentUnfit(f"Gluster does not start here: {told}")

    def stop(self):
        self._process.kill()
        self._process.communicate()
