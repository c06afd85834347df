# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands for people: one form in the engine, spelled for where the reader is."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.package import ROOT

import onehost_control
from release.entrypoints import cli
from release.hints import (
    Place,
    hint,
    how_to_see_all,
    how_to_see_connection,
    option,
    spell,
    spell_all,
    verb_hint,
)
from release.verbs import COMMANDS

COLLECTION = Place(options=("-i", "inventory"))
CLONE = Place("clone", ("-i", "inventories/lab"), "playbooks")
HOST = Place("host")
HOST_WITH_CONTROL = Place("host", has_control=True)
CONTROL = Place("control", has_control=True)

PLACES = {
    "bare": Place(),
    "collection": COLLECTION,
    "clone": CLONE,
    "inside": Place("clone", folder=""),
    "host": HOST,
    "with control": HOST_WITH_CONTROL,
    "control": CONTROL,
}


@pytest.mark.parametrize(
    ("canonical", "place", "typed"),
    [
        (hint("promote"), "bare", "ansible-playbook onehost.release.promote"),
        (hint("promote"), "collection", "ansible-playbook -i inventory onehost.release.promote"),
        (hint("promote"), "clone", "ansible-playbook -i inventories/lab playbooks/promote.yml"),
        (hint("promote"), "inside", "ansible-playbook promote.yml"),
        (hint("promote"), "host", "sudo onehost promote"),
        (hint("promote"), "control", "sudo onehost-control promote"),
        (hint("promote", apps="a,b"), "clone", "ansible-playbook -i inventories/lab playbooks/promote.yml -e apps=a,b"),
        (hint("promote", apps="a,b", stack="x"), "host", "sudo onehost promote --apps a,b --stack x"),
        (hint("deploy_staging", version="0f3c2a9b1d7e"), "host", "sudo onehost deploy --version 0f3c2a9b1d7e"),
        (hint("deploy_staging", rebuild="true"), "host", "sudo onehost deploy --rebuild"),
        (hint("deploy_staging", release_watch_seconds="5"), "host", "sudo onehost deploy --watch-seconds 5"),
        (
            hint("rollback", reason="..."),
            "collection",
            "ansible-playbook -i inventory onehost.release.rollback -e \"reason='...'\"",
        ),
        (hint("rollback", reason="..."), "host", "sudo onehost rollback --reason '...'"),
        (hint("rollback", release="<id>"), "host", "sudo onehost rollback --release <id>"),
        (hint("rollback", secrets="release"), "control", "sudo onehost-control rollback --secrets release"),
        (hint("recover"), "host", "sudo onehost recover"),
        (hint("status"), "with control", "sudo onehost status"),
        (hint("cleanup", free_gb="5.5"), "host", "sudo onehost cleanup --free-gb 5.5"),
        (hint("check_config"), "host", "on your control machine: ansible-playbook onehost.release.check_config"),
        (hint("check_config"), "with control", "sudo onehost-control check-config"),
        (hint("flags", flag="f", state="off"), "with control", "sudo onehost-control flags --flag f --state off"),
        (
            hint("rotate_jwt", state="finished"),
            "with control",
            "on your control machine: ansible-playbook onehost.release.rotate_jwt -e state=finished",
        ),
        (hint("provision"), "host", "on your control machine: ansible-playbook onehost.release.provision"),
        (hint("provision"), "clone", "ansible-playbook -i inventories/lab playbooks/provision.yml"),
        (hint("import_env"), "control", "on your control machine: ansible-playbook onehost.release.import_env"),
    ],
)
def test_each_command_in_each_place(canonical: str, place: str, typed: str) -> None:
    assert spell(canonical, PLACES[place]) == typed


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("playbook", COMMANDS)
def test_what_is_spelled_stays_as_it_is(playbook: str, place: Place) -> None:
    text = spell(f"gate x: nothing. Fix: {hint(playbook)}, then wait", place)
    assert spell(text, place) == text and text.endswith(", then wait")


def test_commands_within_sentences_and_several_in_one() -> None:
    text = f"Run {hint('promote', apps='a')}, or {hint('status')}. It tells more ({hint('recover')})."
    assert (
        spell(text, HOST)
        == "Run sudo onehost promote --apps a, or sudo onehost status. It tells more (sudo onehost recover)."
    )


def test_a_version_before_a_comma() -> None:
    text = f"{hint('deploy_staging', version='v1.2')}, then {hint('promote')}"
    assert spell(text, HOST) == "sudo onehost deploy --version v1.2, then sudo onehost promote"


@pytest.mark.parametrize(
    "text",
    [
        "ansible-playbook site.yml",
        "ansible-playbook onehost.release.unheard_of",
        "ansible-playbook playbooks/site.yml",
        "ansible-playbook --version",
        "onehost.release.promote",
    ],
)
def test_commands_of_others_stay_as_they_are(text: str) -> None:
    assert spell(text, CLONE) == text


def test_the_stack_that_was_named_goes_with_the_command() -> None:
    place = Place("clone", folder="playbooks", stack="shop")
    assert spell(hint("promote", apps="a"), place) == "ansible-playbook playbooks/promote.yml -e stack=shop -e apps=a"
    assert spell(hint("status", stack="other"), place) == "ansible-playbook playbooks/status.yml -e stack=other"
    assert spell(hint("provision"), place) == "ansible-playbook playbooks/provision.yml -e stack=shop"
    assert spell(hint("recover"), Place("host", stack="shop")) == "sudo onehost recover --stack shop"
    for nonsense in ("it's", "a b", "$(id)", '"', "\n"):
        assert spell(hint("recover"), Place("host", stack=nonsense)) == "sudo onehost recover"


def test_a_folder_with_a_blank_can_be_pasted() -> None:
    text = spell(hint("status"), Place("clone", folder="/home/me/my shop/playbooks/"))
    assert shlex.split(text) == ["ansible-playbook", "/home/me/my shop/playbooks/status.yml"]


def test_records_of_older_engines_are_spelled_too() -> None:
    text = "broke off. Fix: ansible-playbook playbooks/deploy_staging.yml -e version=0f3c, then promote.yml"
    assert spell(text, HOST) == "broke off. Fix: sudo onehost deploy --version 0f3c, then promote.yml"


def test_everything_in_plain_data() -> None:
    data = {"lines": [hint("status"), 3], "report": {"fix": hint("promote"), "seconds": 0.5, "none": None}}
    assert spell_all(data, HOST) == {
        "lines": ["sudo onehost status", 3],
        "report": {"fix": "sudo onehost promote", "seconds": 0.5, "none": None},
    }


@dataclass(frozen=True)
class Event:
    msg: str
    causes: tuple[Event, ...] = ()


def test_an_error_as_ansible_keeps_it() -> None:
    quiet = Event("nothing to type")
    found = spell_all({"exception": Event("failed", (Event(hint("status")), quiet))}, HOST)
    assert found == {"exception": Event("failed", (Event("sudo onehost status"), quiet))}
    assert spell_all(quiet, HOST) is quiet


def test_a_wrong_hint_is_an_error_of_ours() -> None:
    with pytest.raises(ValueError, match="promote takes no option version"):
        hint("promote", version="main")
    with pytest.raises(KeyError):
        hint("site")
    for value in ("it's", 'a "word"', "$HOME", "`id`", "a\\", "wow!"):
        with pytest.raises(ValueError, match="a shell would change"):
            hint("promote", reason=value)


def test_what_was_typed_is_typed_again() -> None:
    more = how_to_see_all(CLONE, ["playbooks/x.yml"])
    assert more == "ansible-playbook -i inventories/lab playbooks/x.yml -v shows all that the task returned"
    why = how_to_see_connection(CLONE, "web1")
    assert why == "ansible -i inventories/lab web1 -m ansible.builtin.ping -vvv shows why"
    # Whoever typed onehost-control sees no Ansible.
    assert how_to_see_all(CONTROL, ["onehost.release.promote"]) == how_to_see_connection(CONTROL, "web1")


def test_commands_of_the_host() -> None:
    text = f"HTTP 500. Fix: {verb_hint('notify')}"
    assert spell(text, CLONE) == text == "HTTP 500. Fix: on the host: sudo onehost notify"
    assert spell(text, HOST) == spell(text, CONTROL) == "HTTP 500. Fix: sudo onehost notify"
    assert spell("it goes on on the host: nobody waits", HOST) == "it goes on on the host: nobody waits"


def test_options_alone() -> None:
    text = f"add {option('stack', '<name>')}, one of: a, b; or {option('lock_wait', '60')}"
    assert spell(text, CLONE) == text == "add -e stack=<name>, one of: a, b; or -e lock_wait=60"
    assert spell(text, HOST) == spell(text, CONTROL) == "add --stack <name>, one of: a, b; or --lock-wait 60"
    assert spell("curl -e other=1", HOST) == "curl -e other=1"
    with pytest.raises(ValueError, match="no command takes unheard_of"):
        option("unheard_of", "1")


def test_a_command_that_only_looks() -> None:
    text = hint("cleanup", check=True, free_gb="5")
    assert spell(text, CLONE) == "ansible-playbook -i inventories/lab playbooks/cleanup.yml -e free_gb=5 --check"
    assert spell(text, HOST) == "sudo onehost cleanup --free-gb 5 --check"


def test_the_table_knows_all_playbooks_and_their_options() -> None:
    playbooks = {path.stem: path.read_text() for path in (ROOT / "playbooks").glob("*.yml")}
    assert playbooks.keys() == COMMANDS.keys()
    for name, command in COMMANDS.items():
        text = playbooks[name] if name != "provision" else (ROOT / "roles/stack/README.md").read_text() + "offline"
        assert not [option for option in command.options if option not in text], name


EXAMPLES = dict.fromkeys(("free_gb", "free_percent", "lines", "lock_wait", "release_watch_seconds"), "5")
EXAMPLES |= {"rebuild": "true", "secrets": "release", "where": "staging", "state": "on", "ends": "30m"}
EXAMPLES |= {"replicas": "3", "route": "/a", "allow": "::1", "real": "true", "database": "downgrade"}
EXAMPLES |= {"confirm": "production", "again": "true", "at": "latest", "into": "scratch"}


@pytest.mark.parametrize("name", [name for name, command in COMMANDS.items() if command.verb])
def test_the_host_takes_what_it_is_told_to_be_typed(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = {option: EXAMPLES.get(option, "word") for option in COMMANDS[name].options}
    words = shlex.split(spell(hint(name, **options), HOST))
    assert words[:2] == ["sudo", "onehost"]
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    # Past the reading of the words, which ends the program at any that it does not know.
    assert cli.main(words[2:]) == 1
    assert "needs root" in capsys.readouterr().err


@pytest.mark.parametrize("name", [name for name, command in COMMANDS.items() if command.control_verb])
def test_onehost_control_takes_what_it_is_told_to_be_typed(name: str) -> None:
    options = {option: EXAMPLES.get(option, "word") for option in COMMANDS[name].options}
    words = shlex.split(spell(hint(name, **options), CONTROL))
    assert words[:2] == ["sudo", "onehost-control"]
    wanted = onehost_control.read_words(words[2:])
    assert wanted.verb.playbook == name and len(wanted.values) == len(options)


def engine_files() -> list[Path]:
    return sorted((ROOT / "plugins").rglob("*.py"))


def test_all_hints_of_the_engine_are_of_playbooks_and_options_that_exist() -> None:
    found = 0
    for path in engine_files():
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id != "hint":
                continue
            found += 1
            if isinstance(node.args[0], ast.Constant):
                known = {"check", *COMMANDS[str(node.args[0].value)].options}
                # What is handed on as a whole has no name here.
                named = {keyword.arg for keyword in node.keywords if keyword.arg}
                assert named <= known, f"{path}:{node.lineno}"
    assert found > 25


def test_no_other_module_knows_a_command_line() -> None:
    """A literal command is right in one place only, and wrong for everybody who is elsewhere."""
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.value[:60]}"
        for path in engine_files()
        if path.name != "hints.py"
        for node in texts(ast.parse(path.read_text()))
        if re.search(r"ansible-playbook|\bplaybooks/\w+\.yml|\bsudo onehost\b", node.value)
    ]
    assert not wrong, "use hints.hint:\n" + "\n".join(wrong)


def texts(tree: ast.Module) -> list[ast.Constant]:
    """The literal texts of a module, without documentation for readers of the collection's reference."""
    documentation = {
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id in ("DOCUMENTATION", "EXAMPLES", "RETURN")
    }
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return [node for node in found if node not in documentation]


def test_commands_can_be_typed_in_a_shell() -> None:
    """What has quotes reaches the program as one word."""
    text = spell(hint("rollback", reason="approved by QA"), COLLECTION).replace("ansible-playbook", "printf '%s\\n'")
    printed = subprocess.run(["bash", "-c", text], capture_output=True, text=True, check=True).stdout
    assert printed.splitlines() == ["-i", "inventory", "onehost.release.rollback", "-e", "reason='approved by QA'"]
