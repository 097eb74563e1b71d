# SPDX-License-Identifier: BSD-2-Clause
"""CPU models: what a node lacks of one, and the one that nodes share."""

import pytest

from ganeti.errors import WrongState
from ganeti.model.cpu import CpuModel, CpuModels, most_shared, with_group_model

OLD = CpuModels(
    models={
        "max": CpuModel(),
        "Nehalem-v1": CpuModel(features=50),
        "Westmere-v1": CpuModel(features=55),
        "Skylake": CpuModel(("hle", "rtm", "sse4.2")),
        "Skylake-v1": CpuModel(("hle", "rtm", "sse4.2")),
    }
)
NEW = CpuModels(
    models={
        "max": CpuModel(),
        "Nehalem-v1": CpuModel(features=52),
        "Westmere-v1": CpuModel(features=52),
        "Skylake-v1": CpuModel(features=70),
    }
)


@pytest.mark.parametrize(
    ("cpu_type", "problem"),
    [
        ("Westmere-v1", ""),
        ("max", ""),
        ("Skylake", "lacks hle, rtm, sse4.2 of 'Skylake'; 'Skylake,-hle,-rtm,-sse4.2' does without"),
        ("Skylake,-hle,rtm=off", "lacks sse4.2 of"),
        ("Skylake,-hle,-rtm,-sse4_2", ""),
        ("Westmere-v1,+sse4-2,+whatever", "lacks sse4.2 of 'Westmere-v1,+sse4-2,+whatever'"),
        ("Epyc", "no CPU model 'Epyc'"),
    ],
)
def test_what_a_node_lacks_is_named_with_what_does_without(cpu_type, problem):
    told = OLD.problem(cpu_type)
    assert problem in told
    assert bool(problem) == bool(told)
    assert ("does without" in told) == (cpu_type in ("Skylake", "Skylake,-hle,rtm=off"))


def test_of_many_missing_features_nobody_is_told_to_do_without():
    many = CpuModels(models={"Future": CpuModel(tuple("abcde"))})
    assert many.problem("Future") == "this node lacks a, b, c, d, e of 'Future'"


def test_the_richest_model_that_all_nodes_have_is_shared_whatever_their_order():
    assert most_shared({"new": NEW}) == "Skylake-v1"
    assert most_shared({"old": OLD}) == "Westmere-v1"
    assert most_shared({"old": OLD, "new": NEW}) == most_shared({"new": NEW, "old": OLD}) == "Westmere-v1"


def test_nodes_that_share_none_or_are_of_different_vendors_have_none():
    with pytest.raises(WrongState, match="that all of a, b can give"):
        most_shared({"a": OLD, "b": CpuModels(models={"Epyc-v1": CpuModel(features=9)})})
    vendors = {"a": "GenuineIntel", "b": "AuthenticAMD"}
    with pytest.raises(WrongState, match=r"GenuineIntel in a, AuthenticAMD in b.*different node groups"):
        most_shared({name: CpuModels(models={}, vendor=vendor) for name, vendor in vendors.items()})


@pytest.mark.parametrize(
    ("cpu_type", "model", "meant"),
    [
        ("group", "Westmere-v1", "Westmere-v1"),
        ("group,-aes", "Westmere-v1", "Westmere-v1,-aes"),
        ("group", "", "group"),
        ("Nehalem", "Westmere-v1", "Nehalem"),
        ("", "Westmere-v1", ""),
    ],
)
def test_the_word_group_means_the_model_of_the_group(cpu_type, model, meant):
    assert with_group_model({"cpu_type": cpu_type, "acpi": True}, model) == {"cpu_type": meant, "acpi": True}
