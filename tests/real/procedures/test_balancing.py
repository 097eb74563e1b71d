# SPDX-License-Identifier: BSD-2-Clause
"""Plans of the tools for placement: balancing, rolling reboots, scores for graphs. Files that all nodes see stand for
mirrored disks."""

import re

from tests.real.procedures.administrator import procedure

FOUND_NOTHING = "No solution found|Nothing to do"


def crowd(admin, *names, on="node2"):
    for name in names:
        admin.has_instance(f"{name}.example.com", on=on)


@procedure("bal-01", instead={"-m cluster.example.com": "-m https://ro:secret@cluster.lab.test:5080"})
def test_a_balancing_plan(admin):
    """See, script and run a balancing plan."""
    crowd(admin, "web1", "web2", "web3")
    assert re.search(r"^Initial score: [\d.]+$", admin.types("hbal -L -q").text, re.MULTILINE)
    told = admin.types("hbal -L -C").text
    assert re.search(r"^Initial score: [\d.]+$", told, re.MULTILINE)
    assert re.search(r"^ +1\. web\d +node2 +=> node[13] +[\d.]+ a=\S+$", told, re.MULTILINE), told
    assert re.search(r"^Cluster score improved from [\d.]+ to [\d.]+$", told, re.MULTILINE)
    assert re.search(r"^Solution length=2$", told, re.MULTILINE)
    assert "  echo jobset 1, 1 jobs\n" in told
    assert len(re.findall(r"^    gnt-instance migrate -f -n node[13]\S* web\d\S*$", told, re.MULTILINE)) == 2
    assert admin.sees("pnode") == ["node2.example.com"] * 3
    admin.types("hbal -L -X")
    assert sorted(admin.sees("pnode")) == [f"node{number}.example.com" for number in (1, 2, 3)]
    assert re.search(FOUND_NOTHING, admin.types("hbal -L").text)
    admin.has_users()
    assert re.search(FOUND_NOTHING, admin.types("hbal -m cluster.example.com").text)


@procedure("bal-02")
def test_scores_for_graphs(admin):
    """Score per group for graphs."""
    crowd(admin, "web1", "web2")
    admin.has_users()
    told = admin.types("curl -sk -u ro:secret https://cluster.example.com:5080/2/groups | jq -r '.[].name'").text
    assert told == "default\n"
    told = admin.types("hbal -m https://ro:secret@cluster.example.com:5080 -G default").lines
    (initial,) = (line.split(" ") for line in told if line.startswith("Initial score: "))
    (improved,) = (line.split(" ") for line in told if line.startswith("Cluster score improved from "))
    assert float(initial[2]) == float(improved[4]) > float(improved[6])


@procedure("bal-05")
def test_two_guests_are_kept_apart(admin):
    """Keep two guests apart."""
    crowd(admin, "web1", "web2")
    admin.types("gnt-cluster add-tags htools:iextags:service")
    admin.afterwards("gnt-cluster remove-tags htools:iextags:service")
    admin.types("gnt-instance add-tags web1.example.com service:dns")
    admin.types("gnt-instance add-tags web2.example.com service:dns")
    admin.types("hbal -L -X")
    rows = [line.split() for line in admin.types("gnt-instance list --no-headers -o name,pnode,tags").lines]
    assert len({row[1] for row in rows}) == 2
    assert {row[2] for row in rows} == {"service:dns"}
    admin.types(
        "gnt-instance add -t sharedfile -s 1G -H fake -o tiny+default --no-install -I hail --tags service:dns"
        " --no-name-check --no-ip-check web3.example.com"
    )
    assert len(set(admin.sees("pnode"))) == 3


@procedure("roll-01")
def test_a_rolling_reboot_by_tags(admin):
    """Rolling reboot planned by tags."""
    crowd(admin, "web1")
    admin.types("gnt-node add-tags node2.example.com needsreboot")
    line = "GROUP=`hroller --node-tags needsreboot --one-step-only --no-headers -L`"
    assert admin.types(f'{line}; echo "$GROUP"').text == "node2.example.com\n"
    admin.types(f"{line}; for node in $GROUP; do gnt-node modify -D yes $node; done")
    admin.afterwards("gnt-node modify -D no node2.example.com")
    told = admin.types("for node in node2; do gnt-node migrate -f --submit $node; done").text
    admin.types(f"gnt-job watch {re.findall('[0-9]+', told)[-1]}")
    admin.comes_to_be("gnt-node list --no-headers -o pinst_cnt node2", "0")
    admin.types("gnt-node remove-tags node2.example.com needsreboot")
    admin.types("gnt-node modify -D no node2.example.com")
    assert admin.sees("role", of="node") == ["M", "C", "C"]
    # The whole cluster: each node once, the master in the last step.
    steps = admin.types("hroller -L --no-headers").lines
    assert sorted(",".join(steps).split(",")) == [f"node{number}.example.com" for number in (1, 2, 3)]
    assert "node1.example.com" in steps[-1]


@procedure("roll-02", instead={"/usr/sbin/": ""})
def test_a_rolling_reboot_with_all_precautions(admin):
    """Rolling reboot of a whole cluster, all precautions."""
    crowd(admin, "web1")
    assert admin.types("gnt-cluster getmaster").text == "node1.example.com\n"
    admin.types("gnt-cluster verify")
    admin.types("gnt-cluster queue drain")
    cut = r"""grep -v '|\(success\|error\|canceled\)$' | cut -d\| -f1"""
    assert admin.types(f'gnt-job list -o id,status --no-headers --separator="|" | {cut}').text == ""
    assert re.fullmatch(r"\d+\|\w+", admin.types('gnt-job list -o id,status --no-headers --separator="|"').lines[0])
    admin.types("gnt-cluster queue undrain")
    admin.types("gnt-cluster watcher pause 3600")
    admin.types("gnt-group add-tags default locked")
    line = "hroller -G default --node-tags needsreboot --one-step-only --no-headers -L"
    admin.types(line, status=1)
    admin.types("gnt-node add-tags node2.example.com needsreboot")
    assert admin.types(line).text == "node2.example.com\n"
    admin.types("gnt-node modify -D yes node2.example.com")
    admin.types("gnt-node migrate -f node2")
    admin.types("gnt-node modify -O yes node2.example.com")
    assert admin.types(line, status=1).text == ""
    admin.types("gnt-node modify -O no node2.example.com")
    admin.types("/usr/sbin/ganeti-watcher --ignore-pause")
    admin.types("gnt-node remove-tags node2.example.com needsreboot")
    admin.types("gnt-node modify -D no node2.example.com")
    admin.types("gnt-group remove-tags default locked")
    admin.types("gnt-cluster watcher continue")
    admin.types("hbal -L -X -G default --no-disk-moves")
    assert admin.sees("status", "web1") == ["running"]


@procedure("roll-03")
def test_reboot_groups_with_moves(admin):
    """Reboot groups with moves of unmirrored guests."""
    shape = "-s 1G -H fake -o tiny+default --no-install --no-name-check --no-ip-check -n node2"
    admin.types(f"gnt-instance add -t file {shape} web1.example.com && gnt-instance start web1")
    steps = admin.types("hroller -L -G default --print-moves --no-headers").text
    assert re.search(
        r"^[\w.,]*node2.example.com[\w.,]*\n +web1.example.com node[13].example.com$", steps, re.MULTILINE
    ), steps
    program = r"sed -n 's/^ \{1,\}web1.example.com //p'"
    target = admin.types(f"hroller -L -G default --print-moves --no-headers | {program}").text.strip()
    assert target in ("node1.example.com", "node3.example.com")
    admin.types("gnt-node add-tags node2.example.com needsreboot && gnt-node add-tags node3.example.com needsreboot")
    admin.afterwards("gnt-node remove-tags node2 needsreboot; gnt-node remove-tags node3 needsreboot")
    told = admin.types(
        "hroller --skip-non-redundant -G default --node-tags needsreboot --one-step-only --no-headers -L"
    )
    assert told.text == "node3.example.com\n"
    told = admin.types("hroller --full-evacuation -G default --node-tags needsreboot --one-step-only --no-headers -L")
    assert told.words
    assert "node2.example.com" in admin.types("hroller --offline-maintenance -L").text
