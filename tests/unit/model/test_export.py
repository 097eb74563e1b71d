# SPDX-License-Identifier: BSD-2-Clause
"""``config.ini`` of exports: what Ganeti writes is read, what is written is read again, and nobody's is believed."""

from configparser import ConfigParser
from pathlib import Path

import pytest
from msgspec.structs import replace

from ganeti.errors import WrongInput
from ganeti.model.export import LARGEST, Export, ExportedDisk, ExportedNic, read, written

GANETIS = Path(__file__).with_name("ganeti-3.0-config.ini")
MINIMAL = "[export]\nversion = 0\nos = tiny\n[instance]\nname = web1\n"
WEB1 = Export(
    name="web1",
    os="tiny+default",
    timestamp=1796065511,
    source="uuid-node1",
    disk_template="plain",
    hypervisor="kvm",
    tags=["a", "b"],
    disks=(
        ExportedDisk(size=64, dump="uuid-disk0", name="root"),
        ExportedDisk(size=32, dump="uuid-disk1", mode="ro", format="qcow2"),
    ),
    nics=(ExportedNic(mac="aa:00:00:11:22:33", ip="192.0.2.21", link="br0", mode="bridged"),),
    hvparams={"kernel_path": "", "acpi": "True", "disk_cache": "default", "Odd:Name": "100 % = [x] # y"},
    beparams={"maxmem": "128", "minmem": "96", "vcpus": "2"},
    osparams={"suite": "bookworm"},
    osparams_private={"key": "line 1\nline 2\n\nline 3"},
)


def test_what_ganeti_has_written_is_read():
    export = read(GANETIS.read_text())
    assert export == Export(
        name="web1.example.com",
        os="tiny+default",
        timestamp=1796065511,
        source="edadb09a-9e11-4c24-b970-1c47c8b0081e",
        disk_template="file",
        hypervisor="fake",
        tags=["a", "b"],
        disks=(
            ExportedDisk(size=64, dump="e7c9b7c9-2ca7-4188-89e1-70730f300fcf", name="root"),
            ExportedDisk(size=32, dump="d37a2e02-d6f4-4051-844d-a821f2000c7b"),
        ),
        nics=(
            ExportedNic(mac="aa:00:00:11:22:33", ip="192.0.2.21", name="eth0", link="xen-br0", mode="bridged"),
            ExportedNic(mac="aa:00:00:e3:13:e3", link="xen-br0", mode="bridged"),
        ),
        beparams={
            "always_failover": "False",
            "auto_balance": "True",
            "maxmem": "128",
            "minmem": "128",
            "spindle_use": "1",
            "vcpus": "2",
        },
        osparams={"suite": "bookworm"},
        osparams_private={"secret": "hidden"},
    )


def test_every_key_that_ganeti_has_is_written():
    theirs, ours = keys(GANETIS.read_text()), keys(written(read(GANETIS.read_text())))
    assert theirs <= ours
    assert {key.partition("_")[2] for key in ours - theirs} == {"mode", "format"}  # of disks


def keys(text):
    return {line.split(" = ")[0].removesuffix(" =") for line in text.splitlines() if line and not line.startswith("[")}


def test_what_is_written_is_read_again():
    meant = replace(WEB1, hvparams={name: v for name, v in WEB1.hvparams.items() if name != "Odd:Name"})
    assert read(written(meant)) == meant
    assert read(MINIMAL) == Export(name="web1", os="tiny")


def test_one_from_before_backend_parameters_had_a_section_has_its_memory():
    assert read(MINIMAL + "memory = 128\nvcpus = 2\n").beparams == {"memory": "128", "vcpus": "2"}


@pytest.mark.parametrize("name", ["Odd:Name", "a = b", "#a", "[a]"])
def test_what_such_a_file_cannot_tell_is_refused_without_its_value(name):
    with pytest.raises(WrongInput, match=r"cannot be written") as refused:
        written(replace(WEB1, hvparams={}, osparams_private={name: "s3cret"}))
    assert "s3cret" not in refused.value.message


USER_DATA = "#cloud-config\nusers:\n  - name: admin\n\n    shell: /bin/sh\n# the end\n"
PEM = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2Vw==\n-----END PRIVATE KEY-----\n"
TEXTS = [
    USER_DATA,
    PEM,
    " a",
    "a ",
    "",
    "\n",
    "\n\n\n",
    "a\n",
    "\ta\n\t\n b",
    "a\r\nb\r",
    "[os]\nx = 1",
    "#",
    "; a",
    "None",
    " ",
]


@pytest.mark.parametrize("value", TEXTS)
def test_a_text_is_read_exactly_as_it_was(value):
    meant = replace(WEB1, hvparams={"a": value}, osparams={"key": value, "z": "1"}, osparams_private={"key": value})
    assert read(written(meant)) == meant


@pytest.mark.parametrize("value", TEXTS)
def test_pythons_own_parser_which_ganeti_has_finds_the_same_keys(value):
    parser = ConfigParser(interpolation=None, default_section="")
    parser.optionxform = str
    meant = replace(WEB1, hvparams={}, osparams={"key": value, "z": "1"}, osparams_private={"key": value})
    parser.read_string(written(meant))
    assert parser["os"].keys() == {"key", "z"}
    assert parser["os"]["z"] == "1"
    assert parser["instance"]["name"] == "web1"


def test_what_people_write_by_hand_is_read():
    text = "# mine\n\n[export]\nversion=0\nos:tiny  \n; more\n[instance]\nname =   web1\n[os]\na = 1\n\n\n\t2\n\n"
    assert read(text) == Export(name="web1", os="tiny", osparams={"a": "1\n\n\n2"})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", r"no section \[export\], \[instance\]"),
        ("[export]\nversion = 0\n", r"no section \[instance\]"),
        ("s3cret", "not of the form that exports have: line 1: it makes no sense"),
        ("[export]\n" + "x\n" * 40_000, "line 2: it makes no sense$"),  # all of them would take the master long
        (MINIMAL + "s3cret\n", "line 6: it makes no sense"),
        (MINIMAL.replace("= 0", "= 1"), "version '1' .* is not known, only 0"),
        (MINIMAL.replace("web1", "../web1"), r"\[instance\]: .*'name'.*host name"),
        (MINIMAL.replace("tiny", "/bin/sh"), r"\[export\]: .*'os'"),
        (MINIMAL + "disk_count = 1\ndisk0_size = 64\n", r"\[instance\] disk0: parameter 'dump' is missing"),
        (MINIMAL + "disk_count = 1\ndisk0_size = 64\ndisk0_dump = ../../etc/shadow\n", r"disk0: .*'dump'.*file"),
        (MINIMAL + "disk_count = 1\ndisk0_size = 64\ndisk0_dump = .hidden\n", r"disk0: .*'dump'"),
        (MINIMAL + "disk_count = 1\ndisk0_size = 0\ndisk0_dump = a\n", r"disk0: .*'size'"),
        (MINIMAL + "disk_count = 1000000\n", r"'disk_count'.*at most 16"),
        (MINIMAL + "nic_count = -1\n", r"'nic_count'.*at least 0"),
        (MINIMAL + "tags = " + "a " * 5000, r"'tags'.*at most 4096"),
        (MINIMAL + "name = again\n", "line 6: this key already exists"),
        (MINIMAL + "[export]\n", "line 6: this section already exists"),
        (MINIMAL + "\n" * 100_000, "more than 100000 lines"),
        (MINIMAL + "\n" * LARGEST, f"more than {LARGEST} characters"),
        (
            MINIMAL + "[os]\n" + "".join(f"k{n} = v\n" for n in range(2000)),
            "line 1007: its section has more than 1000 keys",
        ),
    ],
)
def test_what_makes_no_sense_is_told_by_its_place(text, told):
    with pytest.raises(WrongInput, match=told) as refused:
        read(text)
    assert "\n" not in refused.value.message
    assert "s3cret" not in refused.value.message


def test_all_that_is_wrong_is_told_at_once():
    text = MINIMAL.replace("web1", "a b") + "disk_count = x\n[export2]\n"
    with pytest.raises(WrongInput) as refused:
        read(text)
    assert len(refused.value.message.splitlines()) == 2


def test_one_that_would_be_larger_than_is_read_is_not_written():
    with pytest.raises(WrongInput, match=f"more than {LARGEST} bytes"):
        written(replace(WEB1, hvparams={"a": "x" * LARGEST}))
