# SPDX-License-Identifier: BSD-2-Clause
"""The parts of ./run that change nothing."""

import subprocess
import sys
import types
from pathlib import Path

import msgspec
import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def run():
    module = types.ModuleType("run")
    module.__file__ = str(ROOT / "run")
    sys.modules["run"] = module  # where dataclasses look for it
    exec(compile((ROOT / "run").read_text(), ROOT / "run", "exec"), module.__dict__)
    yield module
    del sys.modules["run"]


def test_the_first_word_of_a_line_is_a_package_of_the_section_above(run):
    text = "# why\n\n[one]   for this\na   reason [b]\nb\n\n[two]\nc  reason # d\n"
    assert run.parse_packages(text) == {"one": ["a", "b"], "two": ["c"]}


def test_every_package_of_the_list_has_a_reason(run):
    for line in run.PACKAGES.read_text().splitlines():
        if line and not line.startswith("#"):
            assert len(line.split()) > 1, line
    assert set(run.parse_packages(run.PACKAGES.read_text())) == {"python", "node", "lab", "machine", "guest"}


@pytest.mark.parametrize(
    ("log", "line"),
    [
        ("Reading\nE: Unable to locate package x\nmore\n", "E: Unable to locate package x"),
        ("Collecting a\nERROR: No matching distribution\n\nnotice\n", "ERROR: No matching distribution"),
        ("W: Temporary failure resolving 'deb'\nE: Some failed\n", "no network? W: Temporary failure resolving 'deb'"),
        ("all\nthat was said\n", "that was said"),
        ("", "it failed without a word"),
    ],
)
def test_of_a_failed_command_the_line_that_says_most_is_shown(run, log, line):
    assert run.reason(log) == line


@pytest.mark.parametrize("words", [[], ["--help"], ["help"]])
def test_without_a_command_all_commands_are_shown(words):
    done = subprocess.run([ROOT / "run", *words], capture_output=True, text=True, check=True)
    for command in ("demo", "shell", "test", "check", "bench", "install", "guest", "clean"):
        assert f"./run {command}" in done.stdout


def test_an_unknown_command_is_one_line_and_status_2():
    done = subprocess.run([ROOT / "run", "dmeo"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "demo" in done.stderr


def test_installing_links_every_command_and_forgets_those_that_are_gone(run, tmp_path, monkeypatch):
    installed, linked = tmp_path / "opt", tmp_path / "sbin"
    linked.mkdir()
    for place in ("GANETIS_COMMANDS", "GANETIS_HTOOLS", "GANETIS_TOOLS"):
        monkeypatch.setattr(run, place, tmp_path / place)
        (tmp_path / place).mkdir()
    (linked / "gnt-old").symlink_to(installed / "bin/gnt-old")
    (linked / "another").symlink_to("/usr/bin/true")
    monkeypatch.setattr(run, "INSTALLED", installed)
    monkeypatch.setattr(run, "COMMANDS_LINKED", linked)
    monkeypatch.setattr(run, "answer", lambda *command: "gnt-a ganeti-complete\n")
    run.link_commands(installed / "4.1.0", forget=False)
    assert (linked / "gnt-old").is_symlink()  # of the version that is in use until the cluster is upgraded
    run.link_commands(installed / "4.1.0", forget=True)
    assert {link.name: str(link.readlink()) for link in linked.iterdir()} == {
        "another": "/usr/bin/true",
        "gnt-a": str(installed / "bin/gnt-a"),
        "ganeti-complete": str(installed / "bin/ganeti-complete"),
    }


def test_commands_are_where_ganetis_packages_have_them_and_replace_none_of_another_package(
    run, tmp_path, monkeypatch, capsys
):
    installed = tmp_path / "opt"
    places = {
        place: tmp_path / place for place in ("COMMANDS_LINKED", "GANETIS_COMMANDS", "GANETIS_HTOOLS", "GANETIS_TOOLS")
    }
    for place, directory in places.items():
        directory.mkdir()
        monkeypatch.setattr(run, place, directory)
    commands, htools, tools = (places[f"GANETIS_{which}"] for which in ("COMMANDS", "HTOOLS", "TOOLS"))
    (commands / "gnt-job").write_text("of a package")
    (htools / "hold").symlink_to(installed / "bin/hold")
    monkeypatch.setattr(run, "INSTALLED", installed)
    monkeypatch.setattr(run, "answer", lambda *command: "gnt-node gnt-job hbal move-instance\n")
    for _ in range(2):
        run.link_commands(installed / "4.1.0", forget=True)
        assert (commands / "gnt-node").readlink() == installed / "bin/gnt-node"
        assert [path.name for path in htools.iterdir()] == ["hbal"]
        assert [path.name for path in tools.iterdir()] == ["move-instance"]
        assert (commands / "gnt-job").read_text() == "of a package"
        assert f"Not replaced, since they are not ours: {commands / 'gnt-job'};" in capsys.readouterr().err


@pytest.mark.parametrize(("active", "told"), [("ganeti-noded", ["ganeti-noded"]), ("", [])])
def test_installing_over_what_runs_names_what_is_to_be_restarted(run, tmp_path, monkeypatch, active, told):
    def answer(*command):
        return "active\n" if command[1:] == ("is-active", active) else "inactive\n"

    monkeypatch.setattr(run, "RUNNING_SYSTEMD", tmp_path)
    monkeypatch.setattr(run, "answer", answer)
    assert run.reload_units() == told


def test_without_systemd_nothing_is_to_be_restarted(run, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "RUNNING_SYSTEMD", tmp_path / "none")
    assert run.reload_units() == []


@pytest.fixture
def opt(run, tmp_path, monkeypatch):
    """Where the software is installed: a version, and nothing yet that is in use."""
    installed = tmp_path / "opt"
    monkeypatch.setattr(run, "INSTALLED", installed)
    (installed / "4.0.0/bin").mkdir(parents=True)
    (installed / "4.0.0/bin/gnt-a").touch()
    return installed


def test_the_version_in_use_is_found_by_a_link_that_changes_at_once(run, opt):
    assert run.current_version() is None
    run.use_version(opt / "4.0.0")
    run.use_version(opt / "4.0.0")
    assert run.current_version() == "4.0.0"
    assert sorted(path.name for path in opt.iterdir()) == ["4.0.0", "bin", "current"]
    assert (opt / "bin/gnt-a").exists()


@pytest.mark.parametrize("used", [True, False])
def test_an_installation_of_the_earlier_form_stays_as_long_as_something_runs_of_it(run, opt, monkeypatch, used):
    for name in ("bin", "lib"):
        (opt / name).mkdir()
    (opt / "pyvenv.cfg").touch()
    (opt / "lib64").symlink_to("lib")
    asked = []
    monkeypatch.setattr(run, "in_use", lambda directory: asked.append(directory) or used)
    run.use_version(opt / "4.0.0")
    assert asked == [opt / "lib"]
    left = {"4.0.0", "bin", "current"} | ({"bin.old", "lib", "lib64", "pyvenv.cfg"} if used else set())
    assert {path.name for path in opt.iterdir()} == left
    assert (opt / "bin/gnt-a").exists()


def test_what_a_process_has_loaded_is_in_use(run):
    assert msgspec._core.__file__.startswith(sys.prefix)  # a library, which is mapped, as Python's own files are not
    assert run.in_use(Path(sys.prefix))
    assert not run.in_use(Path(sys.prefix) / "none")
