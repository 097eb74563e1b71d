# SPDX-License-Identifier: BSD-2-Clause
"""What is there has the names, types and defaults that Ganeti 3.0.2 shows its users and tools.

``compat/*.json`` are facts read off an installed Ganeti. What differs on purpose is listed here with its
reason; what is not built yet is not compared.
"""

import json
from pathlib import Path

import pytest

from ganeti.cli.commands import ALIASES, COMMANDS, find
from ganeti.cli.not_yet import NOT_YET
from ganeti.cli.runnable import options_of
from ganeti.declare.parameter import parameters_of
from ganeti.model.parameters import as_mapping
from ganeti.model.parameters.backend import BackendParameters
from ganeti.model.parameters.disk import DISK_PARAMETERS
from ganeti.model.parameters.hypervisor import HYPERVISOR_PARAMETERS
from ganeti.model.parameters.network import NicParameters
from ganeti.model.parameters.node import NodeParameters
from ganeti.operations import OPERATIONS
from ganeti.operations import find as find_operation
from ganeti.query.extstorage import STORAGE_PROVIDERS
from ganeti.query.group import GROUPS
from ganeti.query.instance import INSTANCES
from ganeti.query.job import JOBS
from ganeti.query.node import NODES
from ganeti.query.os import PROVIDERS

FACTS = {path.stem: json.loads(path.read_text()) for path in Path(__file__).with_name("compat").glob("*.json")}

# Flags of parts of the software that are not there yet, and those that make no sense any more.
FLAGS_LEFT_OUT = {
    "gnt-cluster": {
        "--hypervisor-state": "not supported yet",
        "--disk-state": "not supported yet",
        "--uid-pool": "not supported yet",
        "--add-uids": "not supported yet",
        "--remove-uids": "not supported yet",
        "--reserved-lvs": "not supported yet",
        "--compression-tools": "not supported yet",
        "--enabled-data-collectors": "not supported yet",
        "--data-collector-interval": "not supported yet",
        "--gluster-storage-dir": "not supported yet",
        "--ssh-key-bits": "ssh keys are the administrator's",
        "--ssh-key-type": "ssh keys are the administrator's",
        "--specs-cpu-count": "given up by Ganeti 2.8 for --ipolicy-bounds-specs",
        "--specs-disk-count": "given up by Ganeti 2.8 for --ipolicy-bounds-specs",
        "--specs-disk-size": "given up by Ganeti 2.8 for --ipolicy-bounds-specs",
        "--specs-mem-size": "given up by Ganeti 2.8 for --ipolicy-bounds-specs",
        "--specs-nic-count": "given up by Ganeti 2.8 for --ipolicy-bounds-specs",
        "--roman": "a joke",
    },
    "gnt-group": {"--hypervisor-state": "not supported yet", "--disk-state": "not supported yet"},
    "gnt-node": {"--hypervisor-state": "not supported yet", "--disk-state": "not supported yet"},
    "gnt-instance": {"--roman": "a joke"},
}
# (name, ours): newer series, or a deliberate change.
DEFAULTS_CHANGED = {"vhost_net": True}
# Ours alone.
DISK_PARAMETERS_ADDED = {"rbd": {"user-id"}}


@pytest.mark.parametrize("wire_name", OPERATIONS)
def test_an_operation_has_ganetis_parameters(wire_name):
    theirs = FACTS["opcodes"][wire_name]["parameters"]
    ours = find_operation(wire_name).parameters()
    assert theirs.keys() - ours.keys() == set()
    for name, fact in theirs.items():
        assert (name, ours[name].required) == (name, fact["required"])
        if not fact["required"]:
            default = ours[name].default
            assert (name, list(default) if isinstance(default, tuple) else default) == (name, fact["default"])


@pytest.mark.parametrize("wire_name", OPERATIONS)
def test_a_job_is_shown_with_the_same_subject(wire_name):
    assert find_operation(wire_name).subject == FACTS["opcodes"][wire_name]["subject"]


@pytest.mark.parametrize(("script", "name"), [(s, n) for s, names in COMMANDS.items() for n in names])
def test_a_command_has_ganetis_flags(script, name):
    fact = FACTS["cli"][script]["commands"].get(name)
    if fact is None:
        return  # one of our own
    ours = {flag for option in options_of(find(script, name)) for flag in option.flags}
    missing = set(fact["flags"]) - ours - FLAGS_LEFT_OUT.get(script, {}).keys()
    assert missing == set()


@pytest.mark.parametrize("script", COMMANDS)
def test_aliases_are_ganetis(script):
    theirs = {alias: name for alias, name in FACTS["cli"][script]["aliases"].items() if name in COMMANDS[script]}
    assert ALIASES[script] == theirs


def test_of_ganetis_commands_all_are_there_or_said_to_be_missing():
    theirs = {script: {*fact["commands"], *fact["aliases"]} for script, fact in FACTS["cli"].items()}
    ours = {script: {*names, *ALIASES[script]} for script, names in COMMANDS.items()}
    missing = {script: names - ours.get(script, set()) for script, names in theirs.items()}
    assert {script: names for script, names in missing.items() if names} == NOT_YET


@pytest.mark.parametrize(
    ("what", "columns"),
    [
        ("instance", INSTANCES),
        ("node", NODES),
        ("group", GROUPS),
        ("job", JOBS),
        ("os", PROVIDERS),
        ("extstorage", STORAGE_PROVIDERS),
    ],
)
def test_a_list_has_ganetis_columns(what, columns):
    theirs = FACTS["fields"][what]
    ours = {field.name: [field.title, str(field.kind)] for field in columns.fields()}
    of_others = {name for name in theirs if name.startswith("hv/") and name not in ours}
    known = {f"hv/{name}" for cls in HYPERVISOR_PARAMETERS.values() for name in parameters_of(cls)}
    assert of_others & known == set()
    wanted = {name: fact for name, fact in theirs.items() if name not in of_others}
    assert {name: ours.get(name) for name in wanted} == wanted


def defaults(cls):
    return {name: parameter.default for name, parameter in parameters_of(cls).items()}


def facts_of(table):
    return {name: DEFAULTS_CHANGED.get(name, fact["default"]) for name, fact in table.items()}


@pytest.mark.parametrize("hypervisor", HYPERVISOR_PARAMETERS)
def test_hypervisor_parameters_have_ganetis_names_and_defaults(hypervisor):
    assert defaults(HYPERVISOR_PARAMETERS[hypervisor]) == facts_of(FACTS["params"]["hvparams"][hypervisor])


@pytest.mark.parametrize("template", DISK_PARAMETERS)
def test_disk_parameters_have_ganetis_names_and_defaults(template):
    ours, added = defaults(DISK_PARAMETERS[template]), DISK_PARAMETERS_ADDED.get(template, set())
    assert ours.keys() >= added
    assert {name: ours[name] for name in ours.keys() - added} == facts_of(FACTS["params"]["diskparams_dt"][template])


@pytest.mark.parametrize(
    ("cls", "table"), [(BackendParameters, "beparams"), (NicParameters, "nicparams"), (NodeParameters, "ndparams")]
)
def test_other_parameters_have_ganetis_names_and_defaults(cls, table):
    assert as_mapping(cls()) == facts_of(FACTS["params"][table])
