# SPDX-License-Identifier: BSD-2-Clause
"""That descriptions are YAML, whatever is in them."""

import pytest
import yaml

from ganeti.cli.tree import Flow, Pairs, render

NASTY = [
    "a: b",
    "a:",
    "a #b",
    "#a",
    "- a",
    "-",
    "? a",
    "[a, b",
    "{a",
    "'a",
    'a "b" \\ c',
    '"a',
    "*a",
    "&a",
    "!a",
    "|",
    "> a",
    "%a",
    "@a",
    "`a",
    " a ",
    "---",
    "... a",
    "a\nb: c\td",
    "\x07\x85\u2028\ufeff",
    "Grüße, 日本 🚀",
]


@pytest.mark.parametrize("text", NASTY)
def test_a_text_is_read_back_as_it_was(text):
    value = {"k": text, text: "v", "list": [text, Pairs(("k", text), (text, "v"))], "flow": Flow(text, "b")}
    read = yaml.safe_load("\n".join(render(value)))
    assert read == {"k": text, text: "v", "list": [text, {"k": text, text: "v"}], "flow": [text, "b"]}


@pytest.mark.parametrize(
    "text", ["/dev/vda1", "kvm", "vnc to 127.0.0.1:11000 (node n1) (display 5100)", "a:b", "x=1,y"]
)
def test_what_is_plain_is_not_put_in_quotes(text):
    assert render({"key": text}) == [f"key: {text}"]


def test_all_that_is_described_is_yaml(gnt):
    values = {f"p{n}": text for n, text in enumerate(NASTY)}
    typed = {key: value.replace(",", "\\,") for key, value in values.items()}
    options = ("--no-name-check", "--no-ip-check", "--no-install", "--no-start", "-t", "sharedfile", "-n", "node1")
    parameters = ",".join(f"{key}={value}" for key, value in typed.items())
    disks = [f"--disk={n}:size=64,name={typed[f'p{n}']}" for n in range(8)]
    cards = [f"--net={n}:name={typed[f'p{n + 8}']}" for n in range(8)]
    assert gnt("instance", "add", *options, "-O", parameters, *disks, *cards, "nasty1").errors == ""
    assert gnt("node", "modify", "--node-parameters", "oob_program=/a: b #c", "node3").errors == ""
    (described,) = yaml.safe_load(gnt("instance", "info", "nasty1").output)
    assert described["Operating system parameters"] == values
    assert [disk["name"] for disk in described["Disks"]] == [text.strip() for text in NASTY[:8]]
    (node,) = yaml.safe_load(gnt("node", "info", "node3").output)
    assert node["node parameters"]["oob_program"] == "/a: b #c"
    assert yaml.safe_load(gnt("cluster", "info").output)["Cluster name"] == "cluster"
    for number in gnt("job", "list", "--no-headers", "-o", "id").lines:
        (job,) = yaml.safe_load(gnt("job", "info", number).output)
        assert job["Job ID"] == int(number)
    assert gnt("instance", "remove", "-f", "nasty1").status == 0
