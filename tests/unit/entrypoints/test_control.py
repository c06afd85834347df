# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people without root may ask `onehost-control` for, and that nothing they type is more than a text."""

from __future__ import annotations

import datetime
import importlib
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from hypothesis import given
from hypothesis import strategies as st

import onehost_control as control
from release.entrypoints import cli

ROOT = Path(__file__).resolve().parents[3]
SETTINGS = control.Settings("/opt/e", "/opt/c", "/etc/i.yml", "/etc/a.cfg", "/runs", 3, "ops", "/usr/local/bin/onehost")


def test_a_request() -> None:
    wanted = control.read_words(
        ["promote", "--stack", "shop", "--reason", "approved by QA", "--lock-wait=5", "--check"]
    )
    assert (wanted.name, wanted.check) == ("promote", True)
    assert wanted.values == {"stack": "shop", "reason": "approved by QA", "lock-wait": "5"}
    assert control.read_words(["deploy", "--rebuild"]).values == {"rebuild": True}


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["provision"],
        ["promote", "-e", "@/etc/shadow"],
        ["promote", "--extra-vars=ansible_connection=ssh"],
        ["promote", "-i", "/tmp/mine"],
        ["promote", "--inventory=/tmp/mine,"],
        ["promote", "--become-user=root"],
        ["promote", "--vault-password-file=/tmp/mine"],
        ["promote", "--connection=ssh"],
        ["promote", "extra"],
        ["promote", "--version=main"],
        ["promote", "--reas=short for reason"],
        ["promote", "--reason=two\nlines"],
        ["promote", "--reason=\x1b[2Jgone"],
        ["promote", "--reason=" + "x" * 501],
        ["promote", "--stack=../../etc"],
        ["promote", "--stack={{ 1 }}"],
        ["promote", "--apps=front;id"],
        ["promote", "--lock-wait=soon"],
        ["deploy", "--version=--upload-pack=/tmp/mine"],
        ["deploy", "--version=$(id)"],
        ["rollback", "--secrets=mine"],
        ["rollback", "--release=../mine"],
        ["status", "--check"],
        ["flags", "--state=maybe"],
    ],
)
def test_anything_else_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        control.read_words(words)
    assert caught.value.code == 2
    assert "onehost-control" in capsys.readouterr().err


def as_ansible_reads(text: str, tmp_path: Path) -> dict[str, Any]:
    """The variables as a playbook sees them, templates resolved."""
    path = tmp_path / "extravars"
    path.write_text(text)
    loader = DataLoader()
    # As it does with the file of `-e @file`: a template in it counts, unless it says otherwise.
    variables = loader.load_from_file(str(path), trusted_as_template=True)
    return dict(Templar(loader, variables=variables).template(variables))


def test_a_template_stays_text(tmp_path: Path) -> None:
    reason = """{{ lookup('ansible.builtin.pipe', 'id') }} {% raw %} "quoted" it's $(id) \\n ü 😀 # no comment"""
    wanted = control.read_words(["deploy", f"--reason={reason}", "--rebuild"])
    seen = as_ansible_reads(control.extra_variables(wanted, "{{ 1 + 1 }}"), tmp_path)
    assert seen == {"reason": reason, "rebuild": True, "release_person": "{{ 1 + 1 }}"}


@given(st.text(max_size=40).filter(lambda text: text.isprintable() and text != "--"))
def test_every_text_arrives_unchanged(reason: str) -> None:
    wanted = control.read_words(["promote", f"--reason={reason}"])
    text = control.extra_variables(wanted, "ann").replace("!unsafe ", "")
    assert yaml.safe_load(text) == {"reason": reason, "release_person": "ann"}


def test_two_hyphens_are_no_value(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        control.read_words(["promote", "--reason=--"])
    assert "-- is no value" in capsys.readouterr().err


def test_options_are_those_of_the_playbooks() -> None:
    for verb in control.VERBS.values():
        text = (ROOT / "playbooks" / f"{verb.playbook}.yml").read_text()
        for key in verb.options:
            assert control.OPTIONS[key].variable in text, f"{verb.playbook} knows no {key}"


SAMPLES = {
    "apps": "front,api",
    "lock-wait": "5",
    "watch-seconds": "3",
    "free-gb": "1.5",
    "free-percent": "5",
    "secrets": "release",
    "database": "downgrade",
    "confirm": "production",
    "environment": "staging",
    "state": "on",
    "until": "2026-11-26T21:30+01:00",
    "route": "/shop",
    "allow": "10.0.0.0/8,2001:db8::1",
    "app": "api",
    "replicas": "3",
    "reason": "-e is {{ no }} option",
}


@pytest.mark.parametrize("name", [name for name, verb in control.VERBS.items() if verb.engine])
def test_the_engine_takes_the_same_words(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    options = [(key, SAMPLES.get(key, "x1")) for key in control.VERBS[name].options if control.OPTIONS[key].pattern]
    wanted = control.read_words([name, *(f"--{key}={value}" for key, value in options)])
    # It parses everything, then sees who asks.
    monkeypatch.setattr(cli.os, "geteuid", lambda: 1000)
    assert cli.main(control.engine_words(wanted, "onehost")[1:]) == 1


def test_the_words_of_the_runner_hold_nothing_that_was_typed() -> None:
    wanted = control.read_words(["promote", "--reason=typed", "--apps=typed", "--check"])
    words = control.runner_words(wanted, SETTINGS, "/run/x", "20261121T000000Z-ann-1")
    assert not any("typed" in word for word in words)
    assert "onehost.release.promote" in words and "--cmdline=--check --diff" in words


def test_nothing_of_the_callers_environment_but_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ANSIBLE_LIBRARY", "PYTHONPATH", "LD_PRELOAD", "PIP_INDEX_URL"):
        monkeypatch.setenv(name, "/tmp/mine")
    monkeypatch.setenv("TERM", "xterm-256color")
    variables = control.clean_environment(SETTINGS, colour=False)
    assert sorted(variables) == [
        "ANSIBLE_CONFIG",
        "ANSIBLE_NOCOLOR",
        "HOME",
        "LC_ALL",
        "ONEHOST_CONTROL",
        "PATH",
        "TERM",
    ]
    monkeypatch.setenv("TERM", "../../tmp/mine\n")
    assert "TERM" not in control.clean_environment(SETTINGS, colour=True)


def test_runs_sort_by_time_and_say_who() -> None:
    moment = datetime.datetime(2026, 11, 21, 3, 18, 0, tzinfo=datetime.timezone.utc)
    assert control.identify("corp\\ann", moment, 7) == "20261121T031800Z-corp_ann-7"


def test_the_oldest_runs_go(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / f"2026112{number}T000000Z-ann-1" / "job_events").mkdir(parents=True)
    # Its age on the disk says nothing.
    os.utime(tmp_path / "20261124T000000Z-ann-1", (1, 1))
    control.rotate(tmp_path, 2)
    assert sorted(path.name[:8] for path in tmp_path.iterdir()) == ["20261123", "20261124"]
    control.rotate(tmp_path, 200)
    assert len(list(tmp_path.iterdir())) == 2


def test_only_root(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(control.os, "geteuid", lambda: 1000)
    assert control.main(["status"]) == 1
    assert "sudo onehost-control status" in capsys.readouterr().err


@pytest.fixture
def archive(collection: None) -> Any:
    return importlib.import_module("ansible_collections.onehost.release.plugins.plugin_utils.collection_archive")


def test_the_collection_is_packed(archive: Any, tmp_path: Path) -> None:
    collections = archive.with_dependencies(["onehost.release"])
    assert set(collections) == {"onehost.release"}
    found = archive.entries(collections)
    with (tmp_path / "archive").open("wb") as file:
        archive.write(found, file)
    with tarfile.open(tmp_path / "archive") as packed:
        names = packed.getnames()
        assert all(it.mode in (0o644, 0o755) and it.uid == 0 for it in packed.getmembers())
    home = "ansible_collections/onehost/release"
    wanted = {"playbooks/promote.yml", "roles/control_node/files/onehost_control.py", "galaxy.yml"}
    assert {f"{home}/{name}" for name in wanted} <= set(names)
    left_out = ("/tests/", "/group_vars/", "/inventories/", "/examples/", "__pycache__", "playbooks/ansible.cfg", "/.")
    assert not [name for name in names if name.startswith(home) and any(part in name for part in left_out)]
    assert names[-1] == "complete"


def test_collections_bring_what_they_need(archive: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Galaxy installs them, and as a clone."""
    needs: dict[str, dict[str, str]] = {"a.one": {"b.two": "*"}, "b.two": {"a.one": "*", "c.three": "*"}, "c.three": {}}
    for name, needed in needs.items():
        (tmp_path / name).mkdir()
        if name == "b.two":
            (tmp_path / name / "galaxy.yml").write_text(yaml.safe_dump({"dependencies": needed}))
        else:
            manifest = {"collection_info": {"dependencies": needed}}
            (tmp_path / name / "MANIFEST.json").write_text(json.dumps(manifest))
    monkeypatch.setattr(archive, "directory_of", lambda name: str(tmp_path / name))
    assert archive.with_dependencies(["a.one"]) == {name: str(tmp_path / name) for name in needs}


def test_a_digest_is_that_of_the_content(archive: Any, tmp_path: Path) -> None:
    for place in ("one", "two"):
        home = tmp_path / place
        (home / "plugins" / "__pycache__").mkdir(parents=True)
        (home / "plugins" / "__pycache__" / "a.pyc").write_text(place)
        (home / "plugins" / "a.py").write_text("pass\n")

    def digest(place: str) -> str:
        return str(archive.digest(archive.entries({"a.b": str(tmp_path / place)})))

    assert digest("one") == digest("two")
    (tmp_path / "two" / "plugins" / "a.py").chmod(0o755)
    changed = digest("two")
    (tmp_path / "two" / "plugins" / "a.py").write_text("pass  # other\n")
    assert len({digest("one"), changed, digest("two")}) == 3


def test_a_collection_that_is_not_there(archive: Any) -> None:
    with pytest.raises(archive.CollectionMissingError, match=r"ansible-galaxy collection install no\.such"):
        archive.with_dependencies(["no.such"])
