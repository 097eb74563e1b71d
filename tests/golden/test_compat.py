# SPDX-License-Identifier: BSD-2-Clause
"""What is there has the names, types and defaults that Ganeti 3.0.2 shows its users and tools.

``./run compat`` prints the same comparison. What differs on purpose stands with its reason in ``compat/exceptions.py``;
of what is not there at all nothing more is said here.
"""

import re

import pytest

from compat import __main__ as command
from compat.comparison import LISTS, Comparison, Found, compared
from compat.exceptions import EXCEPTIONS
from compat.facts import FACTS
from ganeti.cli.commands import ALIASES, COMMANDS
from ganeti.cli.not_yet import NOT_YET
from ganeti.declare.parameter import parameters_of
from ganeti.model.kind import Kind
from ganeti.model.parameters.disk import DISK_PARAMETERS
from ganeti.model.parameters.hypervisor import HYPERVISOR_PARAMETERS

# Flags of parts of the software that are not there yet, of commands that are.
FLAGS_PENDING = re.compile(
    r"gnt-(cluster|group|node) (init|add|modify) --(enabled-data-collectors|data-collector-interval)"
)
# Ours alone.
HYPERVISOR_PARAMETERS_ADDED = {
    "kvm": {"disk_iothreads", "firmware", "max_memory", "max_vcpus", "secure_boot", "tpm", "virtio_rng"},
    "fake": {"max_memory", "max_vcpus"},
}
DISK_PARAMETERS_ADDED = {
    "file": {"preallocation"},
    "plain": {"thinpool"},
    "rbd": {"user-id"},
    "sharedfile": {"preallocation"},
}


@pytest.fixture(scope="module")
def facts():
    return compared()


@pytest.mark.parametrize("file", FACTS)
def test_what_is_there_is_as_ganetis(facts, file):
    wrong = [
        (fact.fact, fact.found, fact.told)
        for fact in facts
        if fact.file == file and fact.found in (Found.MISSING, Found.DIFFERENT) and not fact.whole and not fact.reason
    ]
    assert [fact for fact in wrong if not FLAGS_PENDING.fullmatch(fact[0])] == []


def test_each_exception_is_needed(facts):
    lacking = [(fact.file, fact.fact) for fact in facts if fact.found is not Found.THERE]
    for file, which in EXCEPTIONS:
        assert any(other == file and re.fullmatch(which, fact) for other, fact in lacking), which


@pytest.mark.parametrize("script", COMMANDS)
def test_no_alias_is_our_own(script):
    theirs = {alias: name for alias, name in FACTS["cli"][script]["aliases"].items() if name in COMMANDS[script]}
    assert ALIASES[script] == theirs


def test_of_ganetis_commands_all_are_there_or_said_to_be_missing():
    theirs = {script: {*fact["commands"], *fact["aliases"]} for script, fact in FACTS["cli"].items()}
    ours = {script: {*names, *ALIASES[script]} for script, names in COMMANDS.items()}
    missing = {script: names - ours.get(script, set()) for script, names in theirs.items()}
    assert {script: names for script, names in missing.items() if names} == NOT_YET


def test_every_kind_of_object_that_is_listed_is_compared():
    assert {str(kind) for kind in Kind if str(kind) in FACTS["fields"]} - {"cluster"} <= LISTS.keys()


def test_of_hypervisors_and_disks_no_parameter_is_our_own_unless_we_say_so():
    for name, cls in HYPERVISOR_PARAMETERS.items():
        theirs = FACTS["params"]["hvparams"][name].keys()
        assert parameters_of(cls).keys() - theirs == HYPERVISOR_PARAMETERS_ADDED.get(name, set())
        assert theirs <= parameters_of(cls).keys()
    for name, cls in DISK_PARAMETERS.items():
        theirs = FACTS["params"]["diskparams_dt"][name].keys()
        assert parameters_of(cls).keys() - theirs == DISK_PARAMETERS_ADDED.get(name, set())


@pytest.mark.parametrize(
    ("found", "reason", "status"), [(Found.THERE, "", 0), (Found.MISSING, "", 1), (Found.MISSING, "Xen", 0)]
)
def test_the_command_fails_as_long_as_something_is_lacking_without_a_reason(monkeypatch, capsys, found, reason, status):
    fact = "hvparams xen-hvm pae" if reason else "hvparams kvm acpi"
    monkeypatch.setattr(command, "compared", lambda: [Comparison("params", fact, found), there("params")])
    monkeypatch.setattr(command, "FACTS", {"params": {}})
    monkeypatch.setattr("sys.argv", ["compat", "params"])
    assert command.main() == status
    assert (fact in capsys.readouterr().out) == (found is Found.MISSING)


def there(file):
    return Comparison(file, "x", Found.THERE)
