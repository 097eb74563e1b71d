# SPDX-License-Identifier: BSD-2-Clause
"""The queue: following jobs, holding them, the watcher."""

import re
import time

from tests.real.cluster.work import eventually
from tests.real.procedures.administrator import procedure

LONG = "gnt-debug delay --submit --print-jobid 30"


def submitted(admin, line):
    return admin.types(line).words[0]


@procedure("job-01")
def test_following_what_runs(admin):
    """Follow whatever runs."""
    job = submitted(admin, "gnt-debug delay --submit --print-jobid 2")
    line = "gnt-job list --no-headers --running | grep -v GROUP_VERIFY_DISKS | awk '{ print $1; exit }'"
    admin.comes_to_be(line, job)
    admin.types(f"JOBID=`{line}`; gnt-job watch $JOBID || true")
    assert admin.sees("status", job, of="job") == ["success"]
    job = submitted(admin, "gnt-debug delay --submit --print-jobid 2")
    eventually(lambda: admin.sees("status", job, of="job") == ["running"])
    assert re.fullmatch(rf" *{job} +running +TEST_DELAY\S*", admin.types("gnt-job list").lines[-1])
    admin.types("gnt-job list | grep running | awk '{ print $1 }' | xargs -r gnt-job watch")
    assert admin.types("gnt-job list --no-headers --running").text == ""
    failed = submitted(admin, "gnt-instance start --submit --print-jobid -H acpi=nonsense none.example.com || echo 0")
    assert failed == "0"


@procedure("job-03", instead={"17810": "$QUEUED", "17811": "$QUEUED", "17776": "$DONE", "17818": "$DONE"})
def test_cancelling_and_priorities(admin):
    """Cancel, priorities, dependent work."""
    admin.has_instance()
    filter_ = (
        """gnt-filter add --priority=0 --action=PAUSE --predicates='[["opcode", ["=", "OP_ID", "OP_TEST_DELAY"]]]'"""
    )
    identity = admin.types(f"{filter_} --reason=held").words[-1]
    admin.afterwards(f"gnt-filter delete {identity}")
    queued = submitted(admin, LONG)
    done = admin.types("gnt-job list --no-headers -o id --filter 'status == \"success\"'").words[-1]
    known = f"QUEUED={queued} DONE={done};"
    admin.types(f"{known} gnt-job change-priority --priority=high 17811")
    assert admin.sees("priority", queued, of="job") == ["-10"]
    admin.types(f"{known} gnt-job cancel 17810")
    assert admin.sees("status", queued, of="job") == ["canceled"]
    told = admin.types(f"{known} gnt-job info 17776").text
    for label in ("Received:", "Processing start:", "Processing end:", "Opcodes:", "Status: success", "Input fields:"):
        assert label in told
    assert admin.types(f"{known} gnt-job wait 17818").text == ""


@procedure("job-04")
def test_holding_the_queue(admin):
    """Hold the queue for a maintenance."""
    admin.has_instance()
    predicates = """--predicates='[["opcode", ["=", "OP_ID", "OP_INSTANCE_CREATE"]]]'"""
    identity = admin.types(f'gnt-filter add --priority=0 --action=PAUSE {predicates} --reason="maintenance"').words[-1]
    admin.afterwards(f"gnt-filter delete {identity}")
    assert "OP_INSTANCE_CREATE" in admin.types("gnt-filter list").text
    admin.types("gnt-cluster queue drain")
    assert "drain" in admin.is_refused("gnt-instance stop web1.example.com")
    assert admin.types("gnt-cluster queue info").text == "The drain flag is set\n"
    admin.types("gnt-cluster queue undrain")
    assert admin.types("gnt-cluster queue info").text == "The drain flag is unset\n"
    shape = "-t diskless -H fake -o tiny+default --no-install --no-name-check --no-ip-check -n node2"
    held = submitted(admin, f"gnt-instance add --submit --print-jobid {shape} web2.example.com")
    admin.types("gnt-instance stop web1.example.com")
    assert admin.sees("status", held, of="job") == ["queued"]
    admin.types(f"gnt-job cancel {held}")


@procedure("wat-01")
def test_pausing_the_watcher(admin):
    """Pause, look, continue."""
    admin.types("gnt-cluster watcher pause 3600")
    admin.afterwards("gnt-cluster watcher continue")
    assert admin.types('gnt-cluster watcher info | grep -q "is paused" && echo paused').text == "paused\n"
    assert admin.types("gnt-cluster watcher info").text.startswith("The watcher is paused until ")
    until = float(admin.types("cat /var/lib/ganeti/watcher.pause").text)
    assert abs(until - time.time() - 3600) < 300
    admin.types("gnt-cluster watcher continue")
    assert admin.types("gnt-cluster watcher info").text == "The watcher is not paused.\n"
    admin.types("test ! -e /var/lib/ganeti/watcher.pause")
    # Another tool takes the file away.
    admin.types("gnt-cluster watcher pause 3600; rm /var/lib/ganeti/watcher.pause")
    assert admin.types("gnt-cluster watcher info").text == "The watcher is not paused.\n"
