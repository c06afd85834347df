"""What the documentation says to type, where that only looks."""

from __future__ import annotations

from support.docs import page, pages
from support.lab import Lab

LOOKING = ("playbooks/status.yml", "playbooks/check_config.yml")


def test_commands_of_the_documentation_that_only_look(released: Lab) -> None:
    typed = {tuple(words[1:]) for page in pages() for words in page.commands("ansible-playbook")}
    looking = sorted(words for words in typed if words and (words[0] in LOOKING or words[1:] == ("--check",)))
    assert len(looking) >= 4, looking
    before = released.state()
    for words in looking:
        released.ansible(*words).ok()
    on_the_host = {" ".join(words) for words in page("docs/runbook.md").commands("onehost")}
    for line in sorted(on_the_host & {"onehost status", "onehost --help"}):
        assert released.ssh(f"sudo {line}")
    assert not released.changes(before)
