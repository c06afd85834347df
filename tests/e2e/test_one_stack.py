"""One stack of several is provisioned: it takes its new definition, and the others stay as they are on the host."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.lab import Lab, Result

MORE = Path(__file__).parent / "files" / "more_stacks.yml"
ENV = "/var/lib/onehost/notes/env/production"

#: Provision this stack of the inventory, with words for the command line.
Provision = Callable[..., Result]


@pytest.fixture
def provision(more_stacks: Lab, tmp_path: Path) -> Provision:
    """With an inventory where one stack has another value, and the other another host name, and a value that nobody can
    read."""
    data: dict[str, Any] = yaml.safe_load(MORE.read_text())
    variables = data["onehost_hosts"]["hosts"]["onehost-lab"]
    variables["onehost_stack_notes"]["env"]["production"]["NOTES_COLOUR"] = "ochre"
    parcel = variables["onehost_stack_parcel"]
    parcel["environments"]["production"]["hosts"] = ["packet.example"]
    parcel["env"]["common"]["NPM_TOKEN"] = "{{ lookup('ansible.builtin.file', '/locked/away') }}"
    changed = tmp_path / "changed.yml"
    changed.write_text(yaml.safe_dump(data))

    def run(stack: str, options: str = "", *, inventory: Path = changed) -> Result:
        return more_stacks.playbook("provision", inventories=[inventory], options=options, stack=stack)

    return run


def of_others(lab: Lab) -> list[str]:
    """All that a host has but files of notes. The time of the last reload is that of a process of everyone's."""
    return [line for line in lab.state("/srv/parcel").splitlines() if "notes" not in line and "ExecReload" not in line]


def test_the_others_stay_as_they_are(more_stacks: Lab, provision: Provision) -> None:
    values = "sudo sh -c 'sha256sum /var/lib/onehost/*/env/*' | grep --invert-match notes"
    before, files = of_others(more_stacks), more_stacks.ssh(values)
    sites = (
        ("production", "127.0.0.1"),
        ("staging", "127.0.0.1"),
        ("http", "notes.example"),
        ("http", "parcel.example"),
    )

    def seen() -> list[tuple[int, str]]:
        answers = [more_stacks.get(port, "/", {"Host": host}) for port, host in sites]
        return [(answer.status, answer.release) for answer in answers]

    answered = seen()
    looked = provision("notes", "--check").ok()
    assert looked.changes and "ochre" not in more_stacks.ssh(f"sudo cat {ENV}")
    done = provision("notes").ok()
    assert all("parcel" not in task and "workhub" not in task for task in done.changed_tasks), done.changed_tasks
    assert "NOTES_COLOUR='ochre'" in more_stacks.ssh(f"sudo cat {ENV}")
    assert of_others(more_stacks) == before and seen() == answered
    assert more_stacks.ssh(values) == files
    assert provision("notes").ok().changes == 0
    provision("notes", "--tags stack", inventory=MORE).ok()
    assert "NOTES_COLOUR='blue'" in more_stacks.ssh(f"sudo cat {ENV}")
    again = more_stacks.playbook("provision", inventories=[MORE], options="--tags stack,router,edge").ok()
    assert again.changes == 0, "all of them, as always"


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("note", "", "-e stack=note: the inventory has no such stack. Fix: choose from notes, parcel, workhub"),
        ("", "--check", "-e stack=: no name is given. Fix: choose from notes, parcel, workhub"),
        ("parcel", "", "stack parcel, env"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_changes(
    provision: Provision, name: str, options: str, told: str
) -> None:
    refused = provision(name, options)
    assert refused.rc != 0 and refused.changes == 0 and told in refused.stdout, refused.stdout
